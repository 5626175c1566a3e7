"""Prompts kept in files: ``--template NAME`` is ``templates/NAME.txt`` in the settings folder.

::

    ---
    model: openai:gpt-5-mini
    system: You are a careful translator.
    option.temperature: 0.2
    ---
    Translate into German:

    {input}

``{input}`` stands for what is typed and piped in; without it that follows after a
blank line.  The part between the two lines of dashes may be missing.  What is typed on the
command line wins over what the file says.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..access.paths import config_dir, read_text
from ..errors import ConfigurationError, InvalidRequest
from .options import option_value

MAX_FILE_BYTES = 1024 * 1024
_FENCE = "---"
_KEYS = ("model", "system", "schema")


@dataclass(frozen=True, slots=True)
class Template:
    """What a file says; ``settings`` has some of ``model``, ``system`` and ``schema``."""

    text: str
    settings: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def has_place(self) -> bool:
        """Whether it says where the prompt goes."""
        return "{input}" in self.text

    def filled(self, prompt: str) -> str:
        """The prompt to ask, with what the user said in it."""
        if self.has_place:
            return self.text.replace("{input}", prompt)
        return "\n\n".join(part for part in (self.text, prompt) if part)


def add_template(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--template",
        metavar="NAME",
        help="a prompt kept in a file, {input} in it stands for PROMPT",
    )


def templates_dir() -> Path:
    """Where templates are looked for by their name."""
    return config_dir() / "templates"


def load(name: str) -> Template:
    """The template of this name, or in the file of this path.

    ``ConfigurationError`` says what is wrong with it, and which there are.
    """
    is_path = "/" in name or name.endswith(".txt")
    path = Path(name).expanduser() if is_path else templates_dir() / f"{name}.txt"
    try:
        text = read_text(path, max_bytes=MAX_FILE_BYTES)
    except FileNotFoundError:
        raise ConfigurationError(f"no template {name!r}; {_offer()}") from None
    except OSError as exc:
        raise ConfigurationError(f"template {path}: {exc.strerror}") from exc
    return _parsed(path, text)


def _offer() -> str:
    folder = templates_dir()
    names = sorted(path.stem for path in folder.glob("*.txt")) if folder.is_dir() else []
    return f"there are {', '.join(names)}" if names else f"put NAME.txt into {folder}"


def _parsed(path: Path, text: str) -> Template:
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return Template(text.strip("\n"))
    ends = [at for at, line in enumerate(lines) if at and line.rstrip() == _FENCE]
    if not ends:
        raise ConfigurationError(f"template {path}: no second line {_FENCE}")
    settings: dict[str, str] = {}
    options: dict[str, Any] = {}
    for number, line in enumerate(lines[1 : ends[0]], start=2):
        name, mark, value = (part.strip() for part in line.partition(":"))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if mark and name in _KEYS and value:
            settings[name] = value
        elif mark and name.startswith("option.") and value:
            options[name.removeprefix("option.")] = option_value(value)
        else:
            raise ConfigurationError(
                f"template {path}, line {number}: expected one of {', '.join(_KEYS)} or "
                f"option.NAME, a colon and a value, got {line!r:.60}"
            )
    return Template("\n".join(lines[ends[0] + 1 :]).strip("\n"), settings, options)


def apply(arguments: argparse.Namespace) -> Template | None:
    """Put into *arguments* what the template says and the command line does not."""
    if arguments.template is None:
        return None
    template = load(arguments.template)
    for name, value in template.settings.items():
        if not hasattr(arguments, name):
            raise InvalidRequest(f"template {arguments.template}: {name} is of no use here")
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return template
