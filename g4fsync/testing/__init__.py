"""Test a provider without a network: :class:`ScriptedTransport` in place of the real one.

::

    from g4fsync.providers.koala import Koala
    from g4fsync.testing import ScriptedTransport, chat

    def test_a_token_cut_in_the_middle_is_whole() -> None:
        transport = ScriptedTransport({"POST /api/gpt/": [b'data: "Hel', b'lo"\n', b"\n"]})
        assert list(chat(Koala(), "Hi", transport)) == ["Hello"]
        assert transport.sent == [("POST", "/api/gpt/", EXPECTED_BODY)]

With pytest the fixtures ``scripted`` and ``emulator`` are there by themselves
(:mod:`g4fsync.testing.plugin`).
"""

from __future__ import annotations

from ..codecs.socketio import SocketEvent
from .asking import chat, request
from .scripted import Connection, Reply, Request, ScriptedTransport

__all__ = [
    "Connection",
    "Reply",
    "Request",
    "ScriptedTransport",
    "SocketEvent",
    "chat",
    "request",
]
