"""Stop an answer: from another thread, or by leaving the loop."""

from __future__ import annotations

import threading

from g4fsync import Cancelled, Client
from g4fsync.emulator import Emulator


def main(client: Client) -> None:
    stream = client.chat("Count for as long as you can: one two three four five six seven")
    # Any thread may cancel, in any phase: connecting, waiting, reading, backing off.
    timer = threading.Timer(0.2, stream.cancel)
    try:
        for chunk in stream:
            print(chunk, end="", flush=True)
            if chunk == stream.text:  # the first one
                timer.start()
    except Cancelled as error:
        print(f"\n-- cancelled; so far: {error.partial!r}")
    timer.join()

    # Leaving the loop is enough where one thread does it all: it frees the connection.
    for chunk in client.chat("Say: stop after this, please"):
        print(chunk, end="", flush=True)
        if "stop" in chunk:
            break
    print()


if __name__ == "__main__":
    # A local stand-in for the providers, so that this runs without key and network.
    # For a real one: main(Client("koala")).
    with (
        Emulator(tokens_per_second=20) as emulator,
        Client("koala", base_urls=emulator.base_urls) as client,
    ):
        main(client)
