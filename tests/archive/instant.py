"""A provider that answers without a network, and programs that ask it, for other processes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

from g4fsync import ChatRequest, Client, Event, Finish, Provider, Transport, Usage


class Instant(Provider):
    """Answers with the words of the question, in capitals."""

    name = "instant"
    base_url = "http://instant.test"
    default_model = "m"
    open_models = True
    options = frozenset({"temperature", "extra_headers", "extra_body", "tools"})

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        for word in request.last.content.split(" "):
            yield word.upper() + " "
        yield Usage(3, 5, 8)
        yield Finish("stop")


def ask_many(path: str, threads: int, calls: int, name: str) -> None:
    """Ask *calls* questions from *threads* threads, each with a text of its own."""
    client = Client(archive=path)
    provider = Instant()
    numbers = iter(range(calls))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            client.ask(f"question {name} {number}", provider=provider)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def read_aloud(path: str, base_url: str, key: str) -> None:
    """Ask for a long answer, and write each token to standard output as soon as it is read."""
    urls, keys = {"openai": base_url}, {"openai": key}
    client = Client("openai:gpt-4o-mini", base_urls=urls, api_keys=keys, archive=path)
    for token in client.chat("Tell me"):
        sys.stdout.write(token)
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "many":
        ask_many(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        read_aloud(*sys.argv[2:])
