"""Everything that comes, not only text: typed events."""

from __future__ import annotations

from g4fsync import Attempt, Client, Finish, Reasoning, Text, Usage
from g4fsync.emulator import Emulator, Status


def main(client: Client) -> None:
    stream = client.chat("Why is the sky blue?", provider="koala")
    for event in stream.events():
        match event:
            case Text(text):
                print(text, end="", flush=True)
            case Reasoning(text):
                print(f"[thinks: {text}]")
            case Attempt(number=number, error=error):
                print(f"[attempt {number} failed: {type(error).__name__}]")
            case Usage(output_tokens=count):
                print(f"\n[{count} tokens]")
            case Finish(reason):
                print(f"\n[finished: {reason}]")
    print(f"\n{stream.provider} {stream.model}: {len(stream.text)} characters")


if __name__ == "__main__":
    # A local stand-in for the provider; its first answer is "too busy", which is retried.
    with Emulator() as emulator, Client(base_urls=emulator.base_urls) as client:
        emulator.koala.faults = [Status(503)]
        main(client)
