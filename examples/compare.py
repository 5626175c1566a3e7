"""Ask several models at once, and watch their answers come side by side."""

from __future__ import annotations

from g4fsync import ChatResult, Client
from g4fsync.emulator import Cut, Emulator


def main(client: Client) -> None:
    question = "Why is the sky blue?"
    with client.compare(question, ["koala", "koala:gpt-4o", "flowgpt"]) as comparison:
        texts = dict.fromkeys(comparison.lanes, "")
        # Chunks of all lanes, mixed as they come; within a lane they are in order.
        for lane, chunk in comparison:
            texts[lane] += chunk
        # A lane that failed is a value, not an exception.
        for lane, result in zip(comparison.lanes, comparison.results, strict=True):
            if isinstance(result, ChatResult):
                print(f"{lane}: {result.text}")
            else:
                print(f"{lane}: {type(result).__name__} after {texts[lane]!r}")

    comparison = client.compare(question, ["koala", "flowgpt"])
    for lane, _ in comparison.as_completed():
        print(f"{lane} has ended")
        break  # leaving the loop ends the others


if __name__ == "__main__":
    # A local stand-in for the providers; one is cut off in the middle, and is the fastest.
    with Emulator(tokens_per_second=50) as emulator, Client(base_urls=emulator.base_urls) as client:
        emulator.flowgpt.faults = [Cut(after_bytes=40)]
        emulator.koala.latency = 0.2
        main(client)
