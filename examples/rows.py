"""A list of rows while it is written: each as soon as it is complete."""

from __future__ import annotations

from typing import TypedDict

from g4fsync import Client
from g4fsync.emulator import Emulator, words


class Planet(TypedDict):
    name: str
    moons: int


def main(client: Client) -> None:
    with client.chat("The planets, from the Sun outwards.", returns=list[Planet]) as stream:
        for planet in stream.values():
            print(f"{planet['name']}: {planet['moons']}")
            if planet["moons"] > 1:
                break  # leaving the loop ends the answer
    print(f"-- read {len(stream.text)} of {len(ANSWER)} characters")


ANSWER = """[
  {"name": "Mercury", "moons": 0}, {"name": "Venus", "moons": 0}, {"name": "Earth", "moons": 1},
  {"name": "Mars", "moons": 2}, {"name": "Jupiter", "moons": 97}, {"name": "Saturn", "moons": 274}
]"""

if __name__ == "__main__":
    # A local stand-in for the provider.
    with Emulator(lambda messages: words(ANSWER), tokens_per_second=500) as emulator:
        main(Client("ollama:llama3.2", base_urls=emulator.base_urls))
