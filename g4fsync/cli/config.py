"""``g4fsync config``: default model, aliases, endpoints of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import registry
from ..access import config as settings, keys
from ..access.names import folded
from ..errors import ConfigurationError, InvalidRequest
from .options import add_action, add_actions
from .terminal import Terminal

EPILOG = """\
settings:
  model                    what is asked when no -m is given
  alias.NAME               a short name for PROVIDER:MODEL
  endpoint.NAME.base_url   a server of your own: from then on -m NAME asks it
  endpoint.NAME.protocol   whose protocol it speaks, by a provider's name
                           (default: openai)
  endpoint.NAME.model      its default model
  endpoint.NAME.key_variable
                           the environment variable with its key (default:
                           G4FSYNC_KEY_NAME); else: g4fsync keys set NAME
  endpoint.NAME.ca         authorities to trust there (PEM)

An endpoint's key goes to its base URL and nowhere else.

  g4fsync config set endpoint.work.base_url https://llm.example/v1
  g4fsync keys set work
  g4fsync -m work:MODEL "Hello"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = add_actions(parser)
    for name, what in (
        ("set", "set one setting"),
        ("get", "print one setting"),
        ("list", "print all settings"),
        ("unset", "take a setting out; endpoint.NAME takes out all of it"),
        ("path", "print where the settings file is"),
    ):
        action = add_action(actions, name, what)
        if name in ("set", "get", "unset"):
            action.add_argument(
                "name", metavar="NAME", help="see g4fsync config --help"
            ).completer = setting_names  # type: ignore[attr-defined]  # for argcomplete
        if name == "set":
            action.add_argument("value", metavar="VALUE", help="one line of text")
        if name == "list":
            action.add_argument("--json", action="store_true", help="print one JSON object")


def setting_names(**_: object) -> list[str]:
    """What NAME may be: what is set, and what each endpoint may have."""
    found = settings.load()
    names = ["model", *(f"alias.{each}" for each in found.aliases)]
    for each in found.endpoints.values():
        names += [f"endpoint.{each.name}.{part}" for part in settings.ENDPOINT_FIELDS]
    return names


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Run ``config set``, ``get``, ``list``, ``unset`` or ``path``."""
    if arguments.action == "path":
        terminal.line(str(settings.config_path()))
    elif arguments.action == "list":
        found = settings.values()
        if arguments.json:
            terminal.json(found)
        else:
            for name, value in found.items():
                terminal.line(f"{name} = {value}")
    elif arguments.action == "get":
        found = settings.values()
        settings.split(arguments.name)
        if arguments.name not in found:
            terminal.note(f"g4fsync: {arguments.name} is not set")
            return 1
        terminal.line(found[arguments.name])
    elif arguments.action == "unset":
        return _unset(arguments.name, terminal)
    else:
        _set(arguments.name, arguments.value, terminal)
    return 0


def _unset(name: str, terminal: Terminal) -> int:
    if settings.unset(name):
        return 0
    terminal.note(f"g4fsync: {name} was not set")
    return 1


def _set(name: str, value: str, terminal: Terminal) -> None:
    section, option = settings.split(name)
    kind, _, endpoint = section.partition(" ")
    if kind == "endpoint":
        _check_free(endpoint, is_endpoint=True)
        value = _endpoint_value(endpoint, option, value)
    else:
        if kind == "alias":
            _check_free(option, is_endpoint=False)
        _check_model(value)
    settings.set_value(name, value)
    if option == "base_url":
        found = registry.provider_class(endpoint)
        if keys.find(found.name, None, found.key_variables) is None:
            terminal.note(
                f"g4fsync: if it wants a key: g4fsync keys set {endpoint}, "
                f"or set {found.key_variables[0]}"
            )


def _check_free(name: str, *, is_endpoint: bool) -> None:
    found = settings.load()
    if not registry.is_free(name):
        raise InvalidRequest(f"{name} is the name of a provider; choose another")
    others, what = (found.aliases, "alias") if is_endpoint else (found.endpoints, "endpoint")
    if folded(name) in others:
        raise InvalidRequest(f"{name} is the name of an {what}; choose another")


def _check_model(value: str) -> None:
    """A default or an alias must lead somewhere, as far as that can be seen from here."""
    provider, model = registry.split(value)
    try:
        provider().model_name(model)
    except ConfigurationError as exc:
        raise InvalidRequest(f"{value}: {str(exc).removeprefix(provider.name + ': ')}") from exc


def _endpoint_value(endpoint: str, option: str, value: str) -> str:
    if option == "protocol" and registry.is_free(value):
        names = ", ".join(["openai", "anthropic", "ollama"])
        raise InvalidRequest(f"unknown protocol {value!r:.80}; there are {names} and more")
    if option == "base_url":
        known = settings.load().endpoints
        same = known.get(endpoint.casefold())
        protocol = registry.provider_class(same.protocol if same else "openai")
        try:
            protocol(value)
        except ConfigurationError as exc:
            reason = str(exc).removeprefix(f"{protocol.name}: ")
            raise InvalidRequest(f"endpoint {endpoint}: {reason}") from exc
    if option == "key_variable" and not value.isidentifier():
        raise InvalidRequest(
            f"key_variable is the name of an environment variable, not the key: {endpoint}'s "
            f"key itself is stored by g4fsync keys set {endpoint}"
        )
    if option == "ca":
        path = Path(value).expanduser().absolute()
        if not path.exists():
            raise InvalidRequest(f"no file or folder {str(path)!r}")
        return str(path)
    return value
