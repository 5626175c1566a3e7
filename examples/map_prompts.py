"""Ask many prompts with a bounded number under way; there may be no end to them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context

from g4fsync import ChatResult, Client
from g4fsync.emulator import Emulator


def questions() -> Iterator[str]:
    """Without end: they are taken as they are needed."""
    for number in count(1):
        yield f"What is {number} times {number}?"


def main(client: Client) -> None:
    # In the order asked; at most 8 at a time, and 50 started per second.
    for number, result in enumerate(client.map(questions(), "koala", max_workers=8, rate=50)):
        print(result)
        if number == 2:
            break

    # As they are done, with their index; an error is a value.
    found = dict(client.map(["one", "", "three"], "koala", ordered=False))
    for index, result in sorted(found.items()):
        print(index, result.text if isinstance(result, ChatResult) else type(result).__name__)

    # Any executor will do: threads of your own, processes, a cluster's
    # (executor=dask_client.get_executor()). Keys stay here: a worker finds its own.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        print(*client.map(["from", "elsewhere"], "koala", executor=pool), sep=", ")


if __name__ == "__main__":
    # A local stand-in for the provider.
    with Emulator() as emulator, Client(base_urls=emulator.base_urls) as client:
        main(client)
