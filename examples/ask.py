"""Ask and wait for the whole answer; keep the conversation going."""

from __future__ import annotations

from g4fsync import Client, Message
from g4fsync.emulator import Emulator


def main(client: Client) -> None:
    question = Message("user", "Why is the sky blue?")
    result = client.ask([question], system="Answer in one sentence.")
    print(result)
    print(f"-- {result.provider}, {result.model}, {len(result.attempts)} attempt")

    conversation = [question, Message("assistant", result.text), Message("user", "And at dusk?")]
    print(client.ask(conversation))


if __name__ == "__main__":
    # A local stand-in for the providers, so that this runs without key and network.
    # For a real one: main(Client("koala")).
    with (
        Emulator(tokens_per_second=20) as emulator,
        Client("koala", base_urls=emulator.base_urls) as client,
    ):
        main(client)
