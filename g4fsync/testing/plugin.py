"""Fixtures for pytest, loaded by it wherever g4fsync is installed.

``scripted``
    makes a :class:`~g4fsync.testing.ScriptedTransport`:
    ``scripted({"POST /api/gpt/": [...]})``.
``emulator``
    a running :class:`~g4fsync.emulator.Emulator`, fresh for each test, since its
    faults and records are the test's own; skips the test without the extra
    ``emulator``.

Nothing is imported before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..emulator import Emulator
    from .scripted import ScriptedTransport


@pytest.fixture
def scripted() -> type[ScriptedTransport]:
    """Make a transport that answers from a script."""
    from .scripted import ScriptedTransport

    return ScriptedTransport


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Run the local server that speaks the far side of every provider."""
    pytest.importorskip(
        "websockets", reason='the emulator needs its extra: pip install "g4fsync[emulator]"'
    )
    from ..emulator import Emulator

    with Emulator() as running:
        yield running
