"""Take the answer that begins first; the others are shut down at once."""

from __future__ import annotations

from g4fsync import AllFailed, Client
from g4fsync.emulator import Emulator, Status


def main(client: Client) -> None:
    stream = client.race("Why is the sky blue?", ["koala", "flowgpt"])
    for chunk in stream:
        print(chunk, end="", flush=True)
    print(f"\n-- {stream.provider} won; asked too: {[loser.provider for loser in stream.losers]}")

    # The first complete answer that pleases, in place of the first token.
    stream = client.race("Hi", ["koala", "flowgpt"], until=lambda result: "Hi" in result.text)
    print(stream.result(), "--", stream.provider)

    # A hedge: the second is asked only when the first has been silent for that long.
    print(client.race("Be quick", ["koala", "flowgpt"], hedge_after=0.3).result())


if __name__ == "__main__":
    # A local stand-in for the providers; Koala is the slower one at first.
    with Emulator() as emulator, Client(base_urls=emulator.base_urls) as client:
        emulator.koala.latency = 1.0
        emulator.flowgpt.reply = lambda messages: ["I", " am", " first"]
        main(client)
        emulator.koala.fault = emulator.flowgpt.fault = Status(404)
        try:
            client.race("Hello?", ["koala", "flowgpt"]).result()
        except AllFailed as error:
            print(f"{len(error.errors)} errors: {error.errors[0]}")
