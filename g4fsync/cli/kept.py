"""The log of this user's command line: where it is, whether it is kept, and how to go on with it.

It is an :class:`~g4fsync.Archive` in the settings folder, and off until ``g4fsync log on``:
before that nothing of a prompt is written anywhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..access.paths import config_dir
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..archive.conversation import Conversation
    from ..archive.records import ArchivedConversation
    from ..archive.store import Archive
    from ..client import Client

Cache = Literal["off", "read", "on"]


def add_log(parser: argparse.ArgumentParser) -> None:
    """``--no-log`` and ``--cache``."""
    parser.add_argument("--no-log", action="store_true", help="keep nothing of this in the log")
    parser.add_argument(
        "--cache",
        action="store_true",
        help="answer from the log when exactly this was asked before, and keep the answer",
    )


def add_continue(parser: argparse.ArgumentParser) -> None:
    """``--continue`` and ``--cid``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-c",
        "--continue",
        dest="goes_on",
        action="store_true",
        help="go on with the newest conversation of the log",
    )
    which.add_argument(
        "--cid", metavar="ID", help="go on with this one (g4fsync log list shows the ids)"
    )


def log_path() -> Path:
    """Where the log is, or would be."""
    return config_dir() / "log.db"


def switch_path() -> Path:
    """The file that is there when the log is on."""
    return config_dir() / "log.on"


def is_on() -> bool:
    """Whether the user has said ``log on``."""
    return switch_path().exists()


def log() -> Archive:
    """The log, to be read or written."""
    from ..archive.store import Archive

    return Archive(log_path())


def log_of(arguments: argparse.Namespace) -> Archive | None:
    """Where this command is to be kept, if at all."""
    if arguments.no_log:
        if arguments.cache:
            raise ConfigurationError("--cache keeps answers in the log: not with --no-log")
        return None
    if is_on():
        return log()
    if arguments.cache:
        raise ConfigurationError("--cache keeps answers in the log: say g4fsync log on first")
    return None


def cache_of(arguments: argparse.Namespace) -> Cache:
    """What ``Client(cache=)`` is to be."""
    return "on" if arguments.cache else "off"


def earlier(arguments: argparse.Namespace) -> ArchivedConversation | None:
    """The conversation to go on with, if that is what was asked for."""
    if not (arguments.goes_on or arguments.cid):
        return None
    if not log_path().exists():
        raise ConfigurationError(
            "there is no log to go on with: g4fsync log on keeps one from then on"
        )
    return log().conversation(arguments.cid)


def conversation(
    client: Client, found: ArchivedConversation | None, system: str | None
) -> Conversation:
    """A conversation that goes on with *found*, or a new one."""
    from ..archive.conversation import opened

    if found is None:
        return client.conversation(system=system)
    # From the log, also when the client keeps nothing there.
    return opened(client, log(), system=system, id=found.id, trim=None, options={})
