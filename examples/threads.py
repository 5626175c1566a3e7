"""One client, many threads: each asks for itself, nothing is locked by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from g4fsync import Client
from g4fsync.emulator import Emulator


def main(client: Client) -> None:
    questions = [f"What is {number} times {number}?" for number in range(1, 9)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for result in pool.map(client.ask, questions):
            print(result)


if __name__ == "__main__":
    # A local stand-in for the providers, so that this runs without key and network.
    # For a real one: main(Client("koala")).
    with (
        Emulator(tokens_per_second=20) as emulator,
        Client("koala", base_urls=emulator.base_urls) as client,
    ):
        main(client)
