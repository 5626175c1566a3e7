"""An answer as a value: people out of a text, as objects of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass

from g4fsync import Client, Unparsable
from g4fsync.emulator import Emulator, words

TEXT = "Ann, who is 34, has moved to Lyon with her son Tim (4)."


@dataclass
class Person:
    """Somebody in the text."""

    name: str
    age: int
    town: str | None = None


def main(client: Client) -> None:
    try:
        result = client.ask(f"Who is in this text? {TEXT}", returns=list[Person])
    except Unparsable as error:  # after it was asked for again, twice
        print(f"{error.path}: expected {error.expected}")
        return
    for person in result.value:
        print(person)
    tries = [type(attempt.error).__name__ for attempt in result.attempts if attempt.error]
    print(f"-- asked {result.mode}ly; did not fit at first: {tries}")


ANSWERS = [
    '[{"name": "Ann", "age": "34"}, {"name": "Tim", "age": 4}]',
    '[{"name": "Ann", "age": 34, "town": "Lyon"}, {"name": "Tim", "age": 4, "town": null}]',
]


def reply(messages: list[dict[str, str]]) -> list[str]:
    return words(ANSWERS[len(messages) > 1])


if __name__ == "__main__":
    # A local stand-in for the provider; it first writes an age as a string.
    with Emulator(reply) as emulator:
        main(Client("ollama:llama3.2", base_urls=emulator.base_urls))
