"""API keys: an argument, else the environment, else the key file.

The key file is ``keys.json`` in the settings folder, one flat object from
provider to key; names that begin with ``//`` are notes.  It is written whole or
not at all, and only its owner may read it.  No message, log line or ``repr``
ever holds a key: they name where it came from.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, InvalidRequest
from .names import folded
from .paths import config_dir, json_kind, parse_json, read_text, replace_text

MAX_FILE_BYTES = 1024 * 1024
NOTE = "// note"  # what a new file says about itself

_log = logging.getLogger("g4fsync.transport")

_SHOWN_ENDS = re.compile(r"([A-Za-z]{2,4}[-_])?.*(.{4})", re.DOTALL)
_MIN_SHOWN = 16  # characters; of a shorter key four would be too much


def keys_path() -> Path:
    """Where the key file is, or would be."""
    return config_dir() / "keys.json"


def resolve(provider: str, explicit: str | None, variables: Sequence[str]) -> str | None:
    """The key for *provider*, ``None`` when there is none.

    *explicit* comes first: ``""`` means no key on purpose, nothing else is
    asked, and ``""`` is the answer.  Then the environment *variables* in their
    order, an empty one being unset, then the key file.  White space around a
    key is taken off.

    ``ConfigurationError`` for a key that no header can carry, and for a broken
    key file; ``InvalidRequest`` for an *explicit* that is no string.
    """
    found = find(provider, explicit, variables)
    return None if found is None else found[0]


def find(provider: str, explicit: str | None, variables: Sequence[str]) -> tuple[str, str] | None:
    """As :func:`resolve`: the key, and in words where it came from."""
    if explicit is not None:
        return _sendable(explicit, f"{provider}: the key given"), "the argument"
    for variable in variables:
        text = os.environ.get(variable, "")
        if key := _sendable(text, f"{provider}: environment variable {variable}"):
            return key, variable
    key = load_keys().get(folded(provider), "")
    return (key, f"the key file {str(keys_path())!r}") if key else None


def load_keys() -> dict[str, str]:
    """Provider -> key from the key file, names without case, ``_`` and ``-``; ``{}`` without one.

    ``ConfigurationError`` names the file and what is wrong with it.  A file
    that others may read is used, with a warning in the log.
    """
    path = keys_path()
    keys = {}
    for name, key in _read(path).items():
        shown = ascii(name)[:80]
        if name.startswith("//"):
            continue
        if not isinstance(key, str):
            raise _broken(path, f"{shown} must be a string, found {json_kind(key)}")
        keys[folded(name)] = _sendable(key, f"key file {str(path)!r}, {shown}")
    return keys


def list_keys() -> dict[str, str]:
    """Provider -> masked key, sorted by name: what may be shown of the key file."""
    return {name: masked(key) for name, key in sorted(load_keys().items())}


def set_key(provider: str, key: str) -> None:
    """Store *key* for *provider* in the key file, which is made when there is none.

    The file is replaced as a whole, so a reader never sees half of it; of two
    writers at once the later wins.  ``ConfigurationError`` when the key is
    empty or no header can carry it, the file is broken or cannot be written.
    """
    name = folded(provider)
    if not name or name.startswith("//"):
        raise InvalidRequest("a key needs the name of its provider")
    key = _sendable(key, f"{provider}: the key given")
    if not key:
        raise ConfigurationError(f"{provider}: the key given is empty", provider=provider)
    path = keys_path()
    entries = _without(_read(path), provider) or {NOTE: "API keys of g4fsync: provider -> key"}
    _write(path, entries | {name: key})


def remove_key(provider: str) -> bool:
    """Take the key of *provider* out of the key file; ``False`` when there was none."""
    path = keys_path()
    entries = _read(path)
    rest = _without(entries, provider)
    if len(rest) == len(entries):
        return False
    _write(path, rest)
    return True


def masked(key: str) -> str:
    """*key* for people to recognise: ``sk-…9f3a``; a short one is ``…`` altogether."""
    ends = _SHOWN_ENDS.fullmatch(key) if len(key) >= _MIN_SHOWN else None
    return f"{ends[1] or ''}…{ends[2]}" if ends else "…"


def _sendable(key: object, source: str) -> str:
    """*key* without white space around it; refused when no header can carry it."""
    if not isinstance(key, str):
        raise InvalidRequest(f"{source} must be a string, not {type(key).__name__}")
    key = key.strip()
    # Not printable: control and format characters, and all spaces but the plain one.
    if " " in key or not key.isprintable():
        wrong = "white space or a control character"
    elif not key.isascii() and max(key) > "\xff":
        wrong = "a character outside Latin-1"
    else:
        return key
    raise ConfigurationError(f"{source} holds {wrong}")


def _without(entries: dict[str, Any], provider: str) -> dict[str, Any]:
    gone = folded(provider)
    return {
        name: value
        for name, value in entries.items()
        if name.startswith("//") or folded(name) != gone
    }


def _read(path: Path) -> dict[str, Any]:
    """The object in the key file, notes and all; empty when there is no file."""
    try:
        text = read_text(path, max_bytes=MAX_FILE_BYTES)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise _broken(path, str(exc.strerror)) from exc
    if os.name == "posix" and mode & 0o077:
        _log.warning("key file %r can be read by others: chmod 600 is advised", str(path))
    try:
        entries = parse_json(text)
    except ValueError as exc:  # it carries the whole text, so it is not chained
        raise _broken(path, f"it is not JSON: {exc}") from None
    if not isinstance(entries, dict):
        raise _broken(path, f"expected an object, found {json_kind(entries)}")
    return entries


def _write(path: Path, entries: dict[str, Any]) -> None:
    try:
        replace_text(path, json.dumps(entries, indent=2) + "\n")
    except OSError as exc:
        raise _broken(path, f"it cannot be written: {exc.strerror}") from exc


def _broken(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"key file {str(path)!r}: {reason}")
