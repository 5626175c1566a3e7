"""OpenAI's protocol with nothing in between: the body as it was given, the chunks as they came.

A :class:`Wire` is a provider as any other, so that clocks, retries, cancellation and errors
are the client's.  Text it yields as text; what else a chunk says goes past the engine in
:attr:`Wire.values`, which the caller empties after each item: an empty thought tells it that
there is something to fetch.

Whether an answer is complete is decided as everywhere here: a finish reason for each of the
answers asked for, or what :mod:`g4fsync.providers.openai_answers` takes for an end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError, G4FSyncError
from ...events import Event, Finish, Reasoning
from ...providers import chatapi
from ...providers.base import Provider, checked_url
from ...providers.openai_answers import Answer, plain_text
from ...urls import without_password
from ..chunks import as_chunk
from .http import Request

if TYPE_CHECKING:
    from ...messages import ChatRequest
    from ...transport.base import Response as Incoming, Transport

_FETCH = Reasoning("")  # says: there is a value


@dataclass(frozen=True, slots=True)
class Post:
    """One request: a path below the base URL, its body, and what goes with it."""

    path: str
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


class Wire(Provider):
    """One request to one server; made anew for each call."""

    name = "openai"
    base_url = "https://api.openai.com/v1"
    key_variables = ("OPENAI_API_KEY",)
    open_models = True
    supports_extra = True
    headers = chatapi.HEADERS

    def __init__(self, base_url: str, post: Post) -> None:
        super().__init__(base_url)
        self.post = post
        self.values: deque[Any] = deque()
        self.answered: Incoming | None = None  # the head of the latest answer
        self.complete: Any = None  # the answer, when it is not a stream

    def normal_url(self, url: str) -> str:
        return checked_url(self.name, url)

    @property
    def request(self) -> Request:
        """The request as a program may look at it, without credentials."""
        return Request(self.post.method, without_password(self.base_url) + self.post.path)

    @property
    def is_stream(self) -> bool:
        """Whether a stream was asked for."""
        return bool((self.post.body or {}).get("stream"))

    def stream(self, request: ChatRequest, transport: Transport) -> Iterator[str | Event]:
        self.values.clear()  # of an attempt that has failed
        post = self.post
        accept = "text/event-stream" if self.is_stream else "application/json"
        headers = {"Accept": accept, **post.headers}
        if post.method == "GET":
            response = transport.get(post.path, params=post.params, headers=headers)
        else:
            response = transport.post(
                post.path, json=post.body, params=post.params, headers=headers
            )
        self.answered = response
        if self.is_stream:
            yield from self.answer_events(response)
        else:
            self.complete = response.json()
            yield from self.complete_events(self.complete)

    def answer_events(self, response: Incoming) -> Iterator[str | Event]:
        """What a stream says."""
        choices = _Choices(self.name, self.post.body or {})
        for chunk in response.values():
            if isinstance(chunk, Mapping):
                if chunk.get("object") == "chat.completion":
                    chunk = as_chunk(chunk)  # some gateways answer so, whatever was asked
            elif chunk is None:  # it says nothing
                continue
            yield from choices.events(chunk, self.values)
        yield from choices.finish_events(done=response.done)

    def complete_events(self, value: Any) -> Iterator[str | Event]:
        """What an answer in one piece says."""
        if isinstance(value, Mapping) and "choices" not in value and value.get("error"):
            raise in_band(value)
        yield _FETCH
        yield Finish("stop")


def in_band(value: Mapping[str, Any]) -> G4FSyncError:
    """The error that an answer in one piece is."""
    from ...codecs import refusals

    return refusals.in_band(value)


class _Choices:
    """The answers of one stream: mostly one, as many as ``n`` says."""

    def __init__(self, provider: str, body: Mapping[str, Any]) -> None:
        self._first = Answer(provider, think_tags=False)
        count = body.get("n")
        self._open = set(range(1, count)) if isinstance(count, int) and count > 1 else set()
        self._is_misshapen = False  # something of it can't be read
        self._finish: Finish | None = None  # of the first, while others are under way

    def events(self, chunk: Any, values: deque[Any]) -> Iterator[str | Event]:
        text = plain_text(chunk)
        if text:
            values.append(chunk)
            self._first.spoke = True
            yield text
            return
        found: list[str | Event] = []
        error: G4FSyncError | None = None
        try:
            for event in self._read(chunk):
                found.append(event)
        except G4FSyncError as exc:
            error = exc  # what came before it in the same chunk is handed out first
        if found or error is None or not chunk.get("error"):
            values.append(chunk)
        # Before a finish: what is handed out after one has not been foreseen by it.
        if self._others(chunk) or _says_something(chunk):
            yield _FETCH
        for event in found:
            yield from self._passed(event)
        if error is not None:
            raise error
        yield from self._all_finished()

    def _read(self, chunk: Any) -> Iterator[str | Event]:
        """What *chunk* says of the first answer.

        Calls, thoughts and counts of another shape than expected are for the caller to
        understand, who gets the chunk as it is; only its reason is read then.
        """
        if not self._is_misshapen:
            try:
                yield from self._first.events(chunk)
            except G4FSyncError:
                raise
            except (LookupError, TypeError, ValueError, AttributeError):
                if not isinstance(chunk, Mapping) or not isinstance(chunk.get("choices"), list):
                    raise
                self._is_misshapen = True
        if self._is_misshapen:
            for choice in chunk["choices"]:
                if choice and not choice.get("index") and choice.get("finish_reason"):
                    reason = str(choice["finish_reason"])
                    chatapi.raise_for_reason(reason)
                    yield Finish(reason, reason, may_continue=True)

    def finish_events(self, *, done: bool) -> Iterator[str | Event]:
        if self._is_misshapen:
            return
        for event in self._first.finish_events(done=done):
            yield from self._passed(event)

    def _passed(self, event: str | Event) -> Iterator[str | Event]:
        if isinstance(event, Finish) and self._open:
            self._finish = event
        elif event != "":
            yield event

    def _others(self, chunk: Mapping[str, Any]) -> bool:
        """Whether *chunk* belongs to an answer that is not the first; notes down its end."""
        belongs = False
        for choice in chunk.get("choices") or ():
            index = choice.get("index") if choice else None
            if index:
                belongs = True
                reason = choice.get("finish_reason")
                if reason:
                    chatapi.raise_for_reason(str(reason))
                    self._open.discard(index)
                elif self._finish is None:
                    self._open.add(index)
        return belongs

    def _all_finished(self) -> Iterator[str | Event]:
        if self._finish is not None and not self._open:
            finish, self._finish = self._finish, None
            yield finish


def _says_something(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk that is not text holds more than a role, or an end."""
    for choice in chunk.get("choices") or ():
        delta = (choice or {}).get("delta") or {}
        if any(value for name, value in delta.items() if name not in ("role", "content")):
            return True
    return False


def without_key(provider: str) -> ConfigurationError:
    """What is raised when there is no key."""
    return ConfigurationError(
        "Missing credentials. Please pass an `api_key`, "
        "or set the `OPENAI_API_KEY` environment variable.",
        provider=provider,
    )
