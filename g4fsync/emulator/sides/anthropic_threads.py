"""Conversations that Anthropic's server holds: the beta field ``thread`` of a request.

Facts from anthropic-sdk-python 2.14.0, whose tool runner uses them by default: ``create`` holds
the conversation under the id of the answer, ``continue`` names that id and sends
only the messages that are new; what is not held is ``thread_not_found``, and what was
continued before ``thread_already_continued``, both in ``error.details.error_code``.

Guesses: the status and the text of these errors.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ..checks import Wrong, check_object


class Threads:
    """The messages of the conversations held, by the id of the last answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _held and _continued
        self._held: dict[str, list[Any]] = {}
        self._continued: set[str] = set()

    def messages(self, body: Mapping[str, Any]) -> list[Any]:
        """All messages of a request, with those held for it, or :class:`Wrong`."""
        sent: list[Any] = body["messages"]
        thread = body.get("thread")
        if thread is None:
            return sent
        if thread.get("type") == "create":
            check_object(thread, {"type": "text"}, where="thread")
            return sent
        if thread.get("type") != "continue":
            raise Wrong(400, f"thread.type: not known: {thread.get('type')!r}")
        check_object(thread, {"type": "text", "previous_message_id": "text"}, where="thread")
        previous = thread["previous_message_id"]
        with self._lock:
            if previous in self._continued:
                reason = f"thread.previous_message_id: already continued: {previous}"
                raise Wrong(409, reason, code="thread_already_continued")
            if previous not in self._held:
                reason = f"thread.previous_message_id: not found: {previous}"
                raise Wrong(404, reason, code="thread_not_found")
            return [*self._held[previous], *sent]

    def hold(
        self, body: Mapping[str, Any], messages: list[Any], answer_id: str, blocks: list[Any]
    ) -> None:
        """Hold a conversation with its answer, when the request asks for that."""
        thread = body.get("thread")
        if thread is None:
            return
        with self._lock:
            if thread["type"] == "continue":
                self._held.pop(thread["previous_message_id"], None)
                self._continued.add(thread["previous_message_id"])
            self._held[answer_id] = [*messages, {"role": "assistant", "content": blocks}]

    def clear(self) -> None:
        """Forget all conversations."""
        with self._lock:
            self._held.clear()
            self._continued.clear()
