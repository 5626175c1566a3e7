"""Print an answer as it comes, token by token."""

from __future__ import annotations

from g4fsync import Client
from g4fsync.emulator import Emulator


def main(client: Client) -> None:
    for chunk in client.chat("Why is the sky blue?"):
        print(chunk, end="", flush=True)
    print()


if __name__ == "__main__":
    # A local stand-in for the providers, so that this runs without key and network.
    # For a real one: main(Client("koala")).
    with (
        Emulator(tokens_per_second=20) as emulator,
        Client("koala", base_urls=emulator.base_urls) as client,
    ):
        main(client)
