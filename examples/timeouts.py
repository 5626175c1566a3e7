"""Bound a call in time: four clocks, and what they leave you with."""

from __future__ import annotations

from g4fsync import Client, DeadlineExceeded, Timeout
from g4fsync.emulator import Emulator, HangBeforeHeaders, Stall


def main(client: Client) -> None:
    # Seconds: until the request is out, until the first token, between tokens, in total.
    limits = Timeout(connect=5, first_token=0.5, idle=0.5, total=30)
    for question in ("A server that never answers", "A server that falls silent"):
        try:
            print(client.ask(question, timeout=limits))
        except DeadlineExceeded as error:
            print(f"{question}: {error}; clock: {error.clock}; came: {error.partial!r}")

    # A plain number bounds the whole call, retries and back-off included.
    print(client.ask("A server in good health", timeout=30))


if __name__ == "__main__":
    # A local stand-in for the provider, told to misbehave twice.
    with Emulator() as emulator, Client("koala", base_urls=emulator.base_urls) as client:
        emulator.koala.faults = [HangBeforeHeaders(), Stall(after_bytes=40), None]
        main(client)
