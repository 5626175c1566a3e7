"""An answer for a browser, as server-sent events: :func:`sse`, for any WSGI application.

::

    from g4fsync.web import HEADERS, sse

    @app.post("/chat")  # Flask
    def chat():
        stream = client.chat(request.json["question"])
        return Response(sse(stream), headers=HEADERS)

The framing is that of the HTML standard, section 9.2 (server-sent events).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any

from .call.heartbeat import Item, beats, checked_seconds
from .call.stream import ChatStream
from .errors import G4FSyncError
from .events import Reasoning, ToolCall, Usage

_log = logging.getLogger("g4fsync.web")

#: For the response: what it is, and that neither caches nor nginx hold it back.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache",
        "X-Accel-Buffering": "no",
    }
)
KEEP_ALIVE = b": waiting\n\n"  # a comment, which the browser reads over


def sse(
    stream: ChatStream,
    heartbeat: float | None = 15.0,
    *,
    reasoning: bool = False,
    message: Callable[[G4FSyncError], str] = str,
) -> Generator[bytes, None, None]:
    """*stream* as server-sent events, each whole ``bytes``; the data of each is a JSON object.

    ``{"text": ...}`` (an event without a name, JavaScript's ``onmessage``) for each piece of
    text; ``reasoning`` (when asked for) with ``text``; ``tool_call`` with ``id``, ``name``
    and ``arguments``.  The last is ``done`` (``provider``, ``model``, ``finish_reason``,
    ``seconds``, ``usage``) after a complete answer, else ``error`` (``type``, ``message``,
    ``retryable``): an answer without ``done`` is not complete.  JavaScript's ``EventSource``
    asks anew when a response ends: close it at ``done`` and ``error``.

    After each *heartbeat* seconds without an event comes a comment, which keeps proxies
    from giving up and shows the server that the browser has left; ``None`` sends
    none.  When the browser leaves, the server closes this generator, and the connection
    to the provider is closed with it.

    No ``G4FSyncError`` is raised while iterating: it is an event, and a warning of the
    logger ``g4fsync.web``.  ``message`` makes the text of it that the browser is shown;
    by default it is the error's own, which holds no key but names the provider.
    Raises ``InvalidRequest`` at once for a wrong *heartbeat*.
    """
    if heartbeat is not None:
        heartbeat = checked_seconds(heartbeat)
    return _events(stream, heartbeat, reasoning, message)


def _events(
    stream: ChatStream,
    heartbeat: float | None,
    reasoning: bool,
    message: Callable[[G4FSyncError], str],
) -> Generator[bytes, None, None]:
    # Closed by name: who leaves in the middle must not wait for the garbage collector.
    with stream, closing(_items(stream, heartbeat)) as items:
        try:
            for item in items:
                if item is None:
                    yield KEEP_ALIVE
                elif isinstance(item, str):
                    yield frame({"text": item})
                elif isinstance(item, Reasoning) and reasoning:
                    yield frame({"text": item.text}, "reasoning")
                elif isinstance(item, ToolCall):
                    call = {"id": item.id, "name": item.name, "arguments": item.arguments}
                    yield frame(call, "tool_call")
        except G4FSyncError as error:
            _log.warning("the answer ended with %s: %s", type(error).__name__, error)
            failure = {"type": type(error).__name__, "message": message(error)}
            yield frame({**failure, "retryable": error.retryable}, "error")
        else:
            yield frame(_summary(stream), "done")


def _items(stream: ChatStream, heartbeat: float | None) -> Generator[Item | None, None, None]:
    if heartbeat is None:
        yield from stream.items()
    else:
        yield from beats(stream, heartbeat)


def _summary(stream: ChatStream) -> dict[str, Any]:
    return {
        "provider": stream.provider,
        "model": stream.model,
        "finish_reason": stream.finish_reason,
        "seconds": round(stream.seconds, 3),
        "usage": _counts(stream.usage),
    }


def _counts(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    counts = {name: getattr(usage, name) for name in usage.__slots__}
    return {name: count for name, count in counts.items() if count is not None}


def frame(data: object, event: str = "") -> bytes:
    """One server-sent event with *data* as JSON; *event* is its name, by default none.

    JSON escapes every line end, so the data is one line whatever a model writes.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    name = f"event: {event}\n" if event else ""
    # Half a surrogate pair has no bytes in UTF-8, but an escape in JSON, the same as Python's.
    return f"{name}data: {text}\n\n".encode(errors="backslashreplace")
