"""What ``demo`` and ``emulate`` know about the emulator."""

from __future__ import annotations

from ..emulator import Emulator

WITHOUT_WEBSOCKETS = 'left out: its emulator needs pip install "g4fsync[emulator]"'


def cookies(emulator: Emulator) -> dict[str, dict[str, str]]:
    """Provider -> the cookies that its stand-in wants; without those that want none."""
    given = {name: dict(emulator.cookies(name)) for name in emulator.far_sides}
    return {name: wanted for name, wanted in given.items() if wanted}
