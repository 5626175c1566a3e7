"""What is typed, piped in or set: prompts, and the model to ask."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..access import config
from ..access.paths import read_text
from ..errors import ConfigurationError, InvalidRequest
from ..messages import Image

if TYPE_CHECKING:
    from .templates import Template

MAX_FILE_BYTES = 16 * 1024 * 1024


def question(arguments: argparse.Namespace, template: Template | None = None) -> Any:
    """What to ask, as ``chat()`` takes it: the prompt, with images when there are any.

    With a *template* the prompt is put into that.
    """
    words, files, attached = arguments.prompt, arguments.files, arguments.attachments
    prompt = prompt_from(words, files, required=not (attached or template))
    if template is not None:
        prompt = template.filled(prompt)
    if not attached:
        return prompt
    images = [image_from(each) for each in attached]
    return [{"role": "user", "content": [*([prompt] if prompt else []), *images]}]


def prompt_from(words: list[str], files: Sequence[str] = (), *, required: bool = True) -> str:
    """The argument, files, and what is piped in, with a blank line between them."""
    texts = [each for each in words if each != "-" and not _is_file(each)]
    if len(texts) > 1:
        raise InvalidRequest(f'more than one prompt; quote it: "{" ".join(texts)}"')
    explicit = "-" in (*words, *files)
    parts = [_part(each) for each in words] + [_file(each) for each in files]
    if not explicit:
        parts.append(piped())
    parts = [each for each in parts if each.strip()]
    if not parts and required:
        raise InvalidRequest('no prompt; try: g4fsync "Why is the sky blue?", or g4fsync --help')
    return encodable("the prompt", "\n\n".join(parts)) or ""


def system_from(text: str | None) -> str | None:
    """The system text: as it is, or ``@FILE``."""
    if text is not None and _is_file(text):
        text = _file(text[1:])
    return encodable("the system text", text)


def image_from(source: str) -> Image:
    """A picture by its URL or from a file."""
    if re.match(r"(https?|data):", source):
        return Image(url=source)
    return Image.open(Path(source).expanduser())


def _is_file(word: str) -> bool:
    """Whether a prompt is ``@FILE``: one that has a space in it is a text."""
    return len(word) > 1 and word[0] == "@" and not any(each.isspace() for each in word)


def _part(word: str) -> str:
    if word == "-":
        return _standard_input()
    return _file(word[1:]) if _is_file(word) else word


def _file(name: str) -> str:
    if name == "-":
        return _standard_input()
    try:
        return read_text(Path(name).expanduser(), max_bytes=MAX_FILE_BYTES).rstrip("\n")
    except OSError as exc:
        raise InvalidRequest(f"{name}: {exc.strerror}") from exc


def piped() -> str:
    """All of standard input, ``""`` when it is a terminal."""
    return "" if sys.stdin is None or sys.stdin.isatty() else _standard_input()


def _standard_input() -> str:
    if sys.stdin is None:
        raise InvalidRequest("standard input is closed")
    try:
        return sys.stdin.read().removeprefix("\ufeff").rstrip("\n")
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"standard input is not {exc.encoding} text") from exc
    except OSError as exc:
        raise InvalidRequest(f"standard input can't be read: {exc.strerror}") from exc


def encodable(what: str, text: str | None) -> str | None:
    """*text*, unless it holds bytes that are no text."""
    try:
        (text or "").encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest(f"{what} holds bytes that are not UTF-8 text") from exc
    return text


def model_from(given: str | None) -> str:
    """The model to ask: typed, else ``G4FSYNC_MODEL``, else the settings' default."""
    model = given or os.environ.get("G4FSYNC_MODEL") or config.load().model
    if not model:
        raise no_model("no model: give -m PROVIDER:MODEL")
    return model


def no_model(complaint: str) -> ConfigurationError:
    """An error that shows what could be asked here and now."""
    from .suggestions import commands  # it looks for servers on this machine

    found = commands()
    if not found:
        return ConfigurationError(
            f"{complaint}. Nothing is set up here yet: g4fsync keys set openai stores a key, "
            "g4fsync doctor looks for local servers, g4fsync demo needs neither"
        )
    return ConfigurationError(
        "\n  ".join([f"{complaint}; what can be asked here:", *found])
        + "\nto make one the default: g4fsync config set model PROVIDER:MODEL"
    )
