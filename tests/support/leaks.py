"""Which threads and sockets there are, to see that none is left behind."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

# They serve the whole process; the keeper ends by itself, the watchdog does not.
OF_THE_PROCESS = ("g4fsync-watchdog", "g4fsync-heartbeat")

_FDS = Path("/proc/self/fd")


# python-engineio's server lets it sleep to the end of a ping interval.
_OF_A_SERVER = "(_send_ping)"


def threads() -> frozenset[threading.Thread]:
    """All live threads but those of the process."""
    return frozenset(
        thread
        for thread in threading.enumerate()
        if thread.name not in OF_THE_PROCESS and _OF_A_SERVER not in thread.name
    )


def sockets() -> frozenset[str]:
    """All open sockets, on Linux."""
    found = set()
    for entry in _FDS.iterdir() if _FDS.exists() else ():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # iterdir()'s own
            continue
        if target.startswith("socket:"):
            found.add(target)
    return frozenset(found)


class Census:
    """The threads and sockets at one time."""

    def __init__(self) -> None:
        self.threads, self.sockets = threads(), sockets()

    def newcomers(self) -> list[str]:
        """What is there now and was not there then."""
        names = [repr(thread) for thread in threads() - self.threads]
        return names + sorted(sockets() - self.sockets)

    def is_clear(self) -> bool:
        """Whether nothing new is left; garbage is collected first when it seems so."""
        if self.newcomers():
            gc.collect()  # it costs more than most tests
        return not self.newcomers()
