"""A provider without a network: it answers at once, or fails as its prompt says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from g4fsync.errors import (
    AuthenticationError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamTruncated,
)
from g4fsync.events import Event, Finish, Usage
from g4fsync.messages import ChatRequest
from g4fsync.providers.base import Provider
from g4fsync.transport.base import Transport


class Parrot(Provider):
    """Repeats the prompt.  ``fail:KIND`` in it fails each time, ``once:KIND`` the first time."""

    name = "parrot"
    base_url = "http://127.0.0.1:9"
    default_model = "m"
    open_models = True
    options = frozenset({"max_tokens", "temperature"})

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.running = 0
        self.hold: threading.Event | None = None  # answers wait for it
        self.reached = threading.Semaphore(0)  # released when an answer waits

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        text = request.last.content
        with self.lock:
            self.asked[text] += 1
            count = self.asked[text]
        for word in text.split():
            when, _, kind = word.partition(":")
            if when == "fail" or (when == "once" and count == 1):
                yield from self._fail(kind)
            elif word == "wait":
                self.reached.release()
                transport.sleep(60)
        if self.hold is not None:
            self.reached.release()
            while not self.hold.is_set():
                transport.sleep(0.005)
        yield f"You said: {text}"
        yield Usage(input_tokens=len(text.split()), output_tokens=3)
        yield Finish("stop")

    def _fail(self, kind: str) -> Iterator[str]:
        if kind == "cut":
            yield "You"
            raise StreamTruncated("cut")
        raise {
            "auth": AuthenticationError("no such key", status=401),
            "no": ProviderError("no", status=400, code="bad"),
            "server": ServerError("sorry", status=500),
            "limit": RateLimited("slow down", status=429, retry_after=0.05),
            "quota": RateLimited("no credit", status=429, retryable=False),
        }[kind]
