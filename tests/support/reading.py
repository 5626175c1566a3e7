"""The ways in which a request is sent and its answer read."""

from __future__ import annotations

import pytest

# Over a connection of the pool, by requests, and by what urllib3 offers to all.
WAYS = ("direct", "requests", "read1")


def read_by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All answers come *way* until the test is over."""
    if way != "direct":
        monkeypatch.setattr("g4fsync.transport.direct.is_possible", lambda request, proxies: False)
    if way == "read1":
        monkeypatch.setattr("g4fsync.transport.response.chunks_below", lambda raw, handle: None)
