"""Play one answer to a provider, whole, cut in two at every byte, or cut off at every byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from g4fsync.errors import G4FSyncError
from g4fsync.events import Event, Reasoning, Text
from g4fsync.providers.base import Provider
from g4fsync.testing import Reply, ScriptedTransport, chat

JSON = {"content-type": "application/json"}


class Wire:
    """A provider, and the request whose answer is played."""

    def __init__(self, provider: Provider, key: str, media_type: str) -> None:
        self.provider = provider
        self.key = key
        self.headers = {"content-type": media_type}

    def events(
        self, *pieces: bytes, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> list[Event]:
        """The events of the answer, or its error."""
        reply = Reply(list(pieces), status=status, headers=headers or self.headers)
        transport = ScriptedTransport({self.key: reply})
        return list(chat(self.provider, "Hi", transport, model="m").events())

    def error(
        self, *pieces: bytes, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> G4FSyncError:
        """The error the answer ends with."""
        try:
            events = self.events(*pieces, headers=headers, status=status)
        except G4FSyncError as error:
            return error
        raise AssertionError(f"no error, but {events}")

    def in_two_pieces(self, body: bytes) -> Iterator[list[Event]]:
        """The events for each place where the body may be cut in two."""
        for i in range(1, len(body)):
            yield self.events(body[:i], body[i:])

    def cut_off(self, body: bytes) -> Iterator[tuple[int, list[Event] | G4FSyncError]]:
        """What comes of each proper beginning of the body, with its length."""
        for i in range(len(body)):
            try:
                yield i, self.events(body[:i])
            except G4FSyncError as error:
                yield i, error


def joined(events: list[Event]) -> list[Event]:
    """*events* with neighbouring texts, and neighbouring thoughts, put together."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Text) and isinstance(last, Text):
            result[-1] = Text(last.text + event.text)
        elif isinstance(event, Reasoning) and isinstance(last, Reasoning):
            result[-1] = Reasoning(last.text + event.text)
        else:
            result.append(event)
    return result
