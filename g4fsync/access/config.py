"""The user's settings: a default model, aliases, and endpoints of their own, in one INI file.

``config.ini`` in the settings folder, as :mod:`configparser` reads it (no
interpolation, names as they are written)::

    [defaults]
    model = openai:gpt-5-mini

    [alias]
    fast = groq:llama-3.1-8b-instant

    [endpoint work]
    base_url = https://llm.example/v1
    protocol = openai
    key_variable = WORK_API_KEY
    model = big
    ca = /etc/ssl/work.pem

A setting's dotted name is ``model``, ``alias.fast`` or ``endpoint.work.base_url``.
No key stands in here: those are in the key file, under the endpoint's name.
What is unknown or misspelled is a ``ConfigurationError``, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from configparser import ConfigParser, Error, MissingSectionHeaderError, ParsingError
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from ..errors import ConfigurationError, InvalidRequest
from .names import folded
from .paths import config_dir, read_text, replace_text

MAX_FILE_BYTES = 1024 * 1024
DEFAULTS = ("model",)
FORMS = "model, alias.NAME, endpoint.NAME.base_url (or .protocol, .key_variable, .model, .ca)"

_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of the user's own, by a name.

    ``protocol`` is the name of the provider whose protocol it speaks.
    ``key_variable`` is where its key is looked for, by default
    ``G4FSYNC_KEY_NAME``; then comes the key file.  ``ca`` is the path of a
    bundle of authorities to trust there.
    """

    name: str
    base_url: str = ""
    protocol: str = "openai"
    key_variable: str = ""
    model: str = ""
    ca: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that holds its key."""
        return self.key_variable or "G4FSYNC_KEY_" + re.sub(r"\W", "_", self.name).upper()


ENDPOINT_FIELDS = tuple(each.name for each in fields(Endpoint) if each.name != "name")


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says; ``aliases`` and ``endpoints`` are by folded name."""

    model: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)


def config_path() -> Path:
    """Where the settings file is, or would be."""
    return config_dir() / "config.ini"


def load() -> Config:
    """The settings, read anew when the file has changed.

    ``ConfigurationError`` names the file and what is wrong with it.
    """
    path = config_path()
    try:
        found = path.stat()
    except OSError:
        if path.is_symlink():
            raise _broken(path, "it is a link to nothing") from None
        return Config()
    return _loaded(path, found.st_mtime_ns, found.st_size)


def values() -> dict[str, str]:
    """All settings by their dotted names, in the order of the file."""
    found = {}
    parser = _parsed(config_path(), _text(config_path()))
    for section in parser.sections():
        for option, value in parser.items(section):
            found[_dotted(section, option)] = value
    return found


def set_value(name: str, value: str) -> None:
    """Set one setting by its dotted name; comments and all else in the file stay.

    ``InvalidRequest`` for a name there is none of; ``ConfigurationError`` when
    the file is broken or can't be written.
    """
    section, option = split(name)
    value = value.strip()
    if not value or any(not char.isprintable() for char in value):
        raise InvalidRequest(f"{name}: the value must be one line of text; config unset removes it")
    if option == "base_url" and re.match(r"[^/]*//[^/]*@", value):
        raise InvalidRequest(f"{name}: no password in a URL here; g4fsync keys set stores a key")
    path = config_path()
    lines = _text(path).splitlines()
    _parsed(path, "\n".join(lines))
    first, last = _place(lines, section, option)
    if first is None:
        heading = [] if last is not None else [*([""] if lines else []), f"[{section}]"]
        last = len(lines) if last is None else last
        lines[last:last] = [*heading, f"{option} = {value}"]
    else:
        lines[first:last] = [f"{option} = {value}"]
    text = "\n".join(lines) + "\n"
    _config(path, _parsed(path, text))
    _write(path, text)


def unset(name: str) -> bool:
    """Take one setting out, or all of ``endpoint.NAME``; ``False`` when there was none."""
    path = config_path()
    lines = _text(path).splitlines()
    _parsed(path, "\n".join(lines))
    found = re.fullmatch(r"endpoint\.([^.]+)", name)
    section, option = (f"endpoint {found[1]}", None) if found else split(name)
    first, last = _place(lines, section, option)
    if first is None:
        return False
    del lines[first:last]
    _write(path, "\n".join(lines) + "\n")
    return True


def split(name: str) -> tuple[str, str]:
    """The section and the option of a dotted name."""
    kind, _, rest = name.partition(".")
    if name in DEFAULTS:
        return "defaults", name
    if kind == "alias" and _NAME.fullmatch(rest):
        return "alias", rest
    if kind == "endpoint":
        who, _, option = rest.rpartition(".")
        if _NAME.fullmatch(who) and option in ENDPOINT_FIELDS:
            return f"endpoint {who}", option
    raise InvalidRequest(f"no setting {name!r:.80}; there are {FORMS}")


def _dotted(section: str, option: str) -> str:
    return option if section == "defaults" else f"{section.replace(' ', '.', 1)}.{option}"


@lru_cache(maxsize=8)
def _loaded(path: Path, changed: int, size: int) -> Config:
    return _config(path, _parsed(path, _text(path)))


def _text(path: Path) -> str:
    try:
        return read_text(path, max_bytes=MAX_FILE_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise _broken(path, str(exc.strerror)) from exc


def _parsed(path: Path, text: str) -> ConfigParser:
    parser = _Parser()
    try:
        parser.read_string(text)
    except MissingSectionHeaderError as exc:
        raise _broken(path, f"line {exc.lineno} stands in no [section]") from None
    except ParsingError as exc:
        lines = ", ".join(str(number) for number, _ in exc.errors[:3])
        raise _broken(path, f"not NAME = VALUE in line {lines}") from None
    except Error as exc:
        raise _broken(path, exc.message.partition("]: ")[2] or exc.message) from None
    return parser


class _Parser(ConfigParser):
    """Names as they are written, no section that gives defaults to others, no ``%``."""

    def __init__(self) -> None:
        super().__init__(interpolation=None, default_section="", delimiters=("=",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _config(path: Path, parser: ConfigParser) -> Config:
    model = None
    aliases: dict[str, str] = {}
    endpoints: dict[str, Endpoint] = {}
    for section in parser.sections():
        kind, _, name = section.partition(" ")
        given = {option: value.strip() for option, value in parser.items(section) if value.strip()}
        if section == "defaults":
            _check_names(path, section, given, DEFAULTS)
            model = given.get("model")
        elif section == "alias":
            aliases = {folded(alias): target for alias, target in given.items()}
        elif kind == "endpoint" and _NAME.fullmatch(name):
            _check_names(path, section, given, ENDPOINT_FIELDS)
            if folded(name) in endpoints:
                raise _broken(path, f"[{section}] stands there twice")
            endpoints[folded(name)] = Endpoint(name=name, **given)
        else:
            raise _broken(
                path,
                f"unknown section [{section:.80}]; there are [defaults], [alias], [endpoint NAME]",
            )
    return Config(model, MappingProxyType(aliases), MappingProxyType(endpoints))


def _check_names(
    path: Path, section: str, given: Mapping[str, str], allowed: tuple[str, ...]
) -> None:
    for option in given:
        if option not in allowed:
            raise _broken(
                path, f"[{section}] has an unknown {option!r:.80}; it takes {', '.join(allowed)}"
            )


def _place(lines: list[str], section: str, option: str | None) -> tuple[int | None, int | None]:
    """Where *option* stands, first line and the line after it; without one the section itself.

    ``(None, n)`` when the section has no such option: *n* is where to put it;
    ``(None, None)`` when there is no such section.
    """
    heads = [i for i, line in enumerate(lines) if line.startswith("[")]
    start = next((i for i in heads if lines[i].partition("]")[0] == f"[{section}"), None)
    if start is None:
        return None, None
    end = next((i for i in heads if i > start), len(lines))
    if option is None:
        return start, end
    first = None
    for i in range(start + 1, end):
        name, equals, _ = lines[i].partition("=")
        if equals and not lines[i][:1].isspace() and name.strip() == option:
            first = i
            break
    if first is None:
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        return None, end
    last = first + 1
    while last < end and lines[last][:1].isspace() and lines[last].strip():  # it goes on there
        last += 1
    return first, last


def _write(path: Path, text: str) -> None:
    try:
        replace_text(path, text)
    except OSError as exc:
        raise _broken(path, f"it cannot be written: {exc.strerror}") from exc


def _broken(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"settings file {str(path)!r}: {reason}")
