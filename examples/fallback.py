"""Ask the next model when one fails; never after the first token."""

from __future__ import annotations

from g4fsync import AllFailed, Client
from g4fsync.emulator import Emulator, Status


def main(client: Client) -> None:
    stream = client.chat("Why is the sky blue?")
    for chunk in stream:
        print(chunk, end="", flush=True)
    print()
    for attempt in stream.attempts:
        print(f"-- {attempt.provider}: {type(attempt.error).__name__ if attempt.error else 'ok'}")

    try:
        client.ask("Hello?")
    except AllFailed as error:
        print(f"{len(error.errors)} models failed: {[each.provider for each in error.errors]}")


if __name__ == "__main__":
    # A local stand-in for the providers; Koala refuses, then both do.
    with (
        Emulator(tokens_per_second=50) as emulator,
        Client("koala", fallback=["flowgpt:claude-v2"], base_urls=emulator.base_urls) as client,
    ):
        emulator.koala.fault = Status(400)
        emulator.flowgpt.faults = [None, Status(400)]
        main(client)
