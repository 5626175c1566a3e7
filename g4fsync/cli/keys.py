"""``g4fsync keys``: the key file, written and shown without ever showing a key."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import warnings
from collections.abc import Sequence

from .. import registry
from ..access import keys as store
from ..access.names import folded
from ..errors import ConfigurationError, InvalidRequest
from .options import add_action, add_actions, add_json, provider_names
from .tables import table
from .terminal import Terminal, is_terminal, visible, width

_MAX_KEY_CHARS = 16_384  # more than any header may be
_NOT_AS_ARGUMENT = (
    "a key is not taken from the command line, where the shell's history and other users see "
    "it; type it when asked, or pipe it in. The one just given had better be replaced."
)


EPILOG = """\
A key in the environment wins over the file; g4fsync providers names the
variables. Only you may read the file. A key is typed, unseen, or piped in:
  g4fsync keys set openai < key.txt
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = add_actions(parser)
    for name, what in (
        ("set", "store a provider's key: typed unseen, or piped in"),
        ("list", "list where keys are, the keys masked"),
        ("path", "tell where the key file is"),
        ("remove", "take a provider's key out of the file"),
    ):
        action = add_action(actions, name, what)
        if name == "list":
            add_json(action)
        if name in ("set", "remove"):
            action.add_argument("provider", help="a provider's name").completer = provider_names  # type: ignore[attr-defined]  # for argcomplete
        if name == "set":  # taken so that it can be refused without being repeated
            action.add_argument("surplus", nargs="*", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Run ``keys set``, ``list``, ``path`` or ``remove``."""
    if arguments.action == "path":
        terminal.line(str(store.keys_path()))
        return 0
    if arguments.action == "list":
        return _list(terminal, as_json=arguments.json)
    if arguments.action == "remove":
        return _remove(arguments.provider, terminal)
    return _set(arguments, terminal)


def _set(arguments: argparse.Namespace, terminal: Terminal) -> int:
    if arguments.surplus:
        raise InvalidRequest(_NOT_AS_ARGUMENT)
    provider = registry.provider_class(arguments.provider)
    if not provider.key_variables:
        raise InvalidRequest(f"{provider.name} takes no key")
    key = _typed(provider.name) if is_terminal(sys.stdin) else _piped()
    if not key.strip():
        raise InvalidRequest(f"{provider.name}: no key was given")
    store.set_key(provider.name, key)
    masked = store.masked(key.strip())
    terminal.note(f"g4fsync: {provider.name}: {masked} stored in {store.keys_path()}")
    for variable in _winners(provider.key_variables)[:1]:
        terminal.note(
            f"g4fsync: {variable} is set and wins over the file; unset it to use the file"
        )
    return 0


def _typed(provider: str) -> str:
    try:
        with warnings.catch_warnings():
            # Where it can't hide what is typed, getpass would warn and show it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"API key of {provider} (it is not shown): ")
    except getpass.GetPassWarning as exc:
        raise InvalidRequest("this terminal can't hide what is typed; pipe the key in") from exc
    except EOFError:
        return ""


def _piped() -> str:
    if sys.stdin is None:
        return ""
    try:
        text = sys.stdin.read(_MAX_KEY_CHARS + 1).removeprefix("\ufeff")
    except UnicodeDecodeError:  # it carries what was read, so it is not chained
        raise InvalidRequest("standard input holds no text") from None
    except OSError as exc:
        raise InvalidRequest(f"standard input can't be read: {exc.strerror}") from exc
    if len(text) > _MAX_KEY_CHARS:
        raise InvalidRequest("standard input is too long for a key")
    return text


def _list(terminal: Terminal, *, as_json: bool) -> int:
    """A row per key, in the environment or the file."""
    stored = store.list_keys()
    rows = []
    for name in registry.provider_names():
        try:
            variables = registry.provider_class(name).key_variables
        except ConfigurationError:  # a broken plug-in; g4fsync providers tells
            variables = ()
        winners = _winners(variables)
        rows += [(name, store.masked(os.environ[v].strip()), v) for v in winners[:1]]
        rows += [
            (name, masked, f"the key file; {winners[0]} wins" if winners else "the key file")
            for masked in [stored.pop(folded(name), None)]
            if masked
        ]
    rows += [(visible(n), masked, "the key file; no such provider") for n, masked in stored.items()]
    if as_json:
        names = ("provider", "key", "from")
        terminal.json({"keys": [dict(zip(names, row, strict=True)) for row in rows]})
        return 0
    if not rows:
        terminal.note("g4fsync: no keys yet; g4fsync keys set PROVIDER stores one")
        return 0
    terminal.line(table(("PROVIDER", "KEY", "FROM"), rows, width()))
    return 0


def _remove(name: str, terminal: Terminal) -> int:
    variables: Sequence[str] = ()
    known = {folded(each) for each in registry.provider_names()}
    # Whatever is in the file can be taken out, also when its provider is gone.
    if folded(name) in known or folded(name) not in store.load_keys():
        provider = registry.provider_class(name)
        name, variables = provider.name, provider.key_variables
    was_there = store.remove_key(name)
    change = "key removed from" if was_there else "no key in"
    terminal.note(f"g4fsync: {name}: {change} {store.keys_path()}")
    for variable in _winners(variables)[:1]:
        terminal.note(f"g4fsync: {variable} is still set, and its key is used")
    return 0 if was_there else 1


def _winners(variables: Sequence[str]) -> list[str]:
    """Those of *variables* that are set, which come before the file."""
    return [each for each in variables if os.environ.get(each, "").strip()]
