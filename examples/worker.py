"""Answers in a task queue's worker, as Celery, RQ or Dramatiq run it.

What a task needs: a client for each process, made there; a limit on its time that is
shorter than the queue's own; and to be run again later only when that can help.
"""

from __future__ import annotations

from collections import deque
from functools import cache

from g4fsync import Client, G4FSyncError, RateLimited
from g4fsync.emulator import Emulator, Status

base_urls: dict[str, str] = {}  # of the stand-in below; yours needs none


@cache
def client() -> Client:
    """Made after the worker has forked.  A key is found in the worker's own environment."""
    return Client("koala", base_urls=base_urls, timeout=60, retry=1)


class TryAgain(Exception):
    """In Celery: ``raise self.retry(countdown=seconds, max_retries=3)``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:g} s")
        self.seconds = seconds


def summarise(text: str) -> str:  # @app.task(soft_time_limit=90)
    """The task.  What it returns goes to the queue's results."""
    try:
        return client().ask(text, system="Summarise in one sentence.").text
    except RateLimited as error:
        raise TryAgain(error.retry_after or 30) from error
    except G4FSyncError as error:
        if error.retryable:
            raise TryAgain(10) from error
        raise  # a wrong key or a bad question stays wrong


def work(tasks: deque[str]) -> None:
    """A worker, in the place of the queue's."""
    while tasks:
        text = tasks.popleft()
        try:
            print(f"{text}: {summarise(text)!r}")
        except TryAgain as later:
            print(f"{text}: again {later}")
            tasks.append(text)
        except G4FSyncError as error:
            print(f"{text}: {type(error).__name__}")


if __name__ == "__main__":
    with Emulator() as emulator:
        base_urls.update(emulator.base_urls)
        emulator.koala.faults = [Status(429, retry_after=2), Status(400), None]
        work(deque(["first", "second"]))
        client().close()
