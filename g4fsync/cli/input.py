"""What is typed, piped in or set: prompts, and the model to ask."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import registry
from ..access import config
from ..access.names import folded
from ..access.paths import read_text
from ..errors import ConfigurationError, InvalidRequest
from ..messages import Image
from ..parts import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from .templates import Template

MAX_FILE_BYTES = 16 * 1024 * 1024


def question(arguments: argparse.Namespace, template: Template | None = None) -> Any:
    """What to ask, as ``chat()`` takes it: the prompt, with images when there are any.

    With a *template* the prompt is put into that.
    """
    words, files, attached = arguments.prompt, arguments.files, arguments.attachments
    prompt = prompt_from(
        words, files, required=not (attached or template), image_piped="-" in attached
    )
    if template is not None:
        if not (prompt or attached) and template.has_place:
            raise InvalidRequest(f"no prompt to put for {{input}} in template {arguments.template}")
        prompt = template.filled(prompt)
    if not attached:
        return prompt
    images = [image_from(each) for each in attached]
    return [{"role": "user", "content": [*([prompt] if prompt else []), *images]}]


def prompt_from(
    words: list[str],
    files: Sequence[str] = (),
    *,
    required: bool = True,
    image_piped: bool = False,
) -> str:
    """The argument, files, and what is piped in, with a blank line between them."""
    texts = [each for each in words if each != "-" and not _is_file(each)]
    if len(texts) > 1:
        raise InvalidRequest(f'more than one prompt; quote it: "{" ".join(texts)}"')
    parts = [_part(each) for each in words] + [_file(each) for each in files]
    if not ("-" in (*words, *files) or image_piped):
        parts.append(piped())
    parts = [each for each in parts if each.strip()]
    if not parts and required:
        raise InvalidRequest('no prompt; try: g4fsync "Why is the sky blue?", or g4fsync --help')
    return encodable("the prompt", "\n\n".join(parts)) or ""


def system_from(text: str | None) -> str | None:
    """The system text: as it is, or ``@FILE``."""
    return text_from("the system text", text)


def text_from(what: str, text: str | None) -> str | None:
    """*text* as it is, or of ``@FILE``; *what* names it in an error."""
    if text is not None and _is_file(text):
        text = _file(text[1:], text)
    return encodable(what, text)


def image_from(source: str) -> Image:
    """A picture by its URL, from a file, or from standard input."""
    if re.match(r"(https?|data):", source):
        return Image(url=source)
    if source == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise InvalidRequest("-a -: an image is piped in, as in: g4fsync -a - < image.png")
        return Image.from_bytes(sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1))
    return Image.open(Path(source).expanduser())


def _is_file(word: str) -> bool:
    """Whether a prompt is ``@FILE``: one that has a space in it is a text."""
    return len(word) > 1 and word[0] == "@" and not any(each.isspace() for each in word)


def _part(word: str) -> str:
    if word == "-":
        return _standard_input()
    return _file(word[1:], word) if _is_file(word) else word


def _file(name: str, typed: str | None = None) -> str:
    """The text of a file; *typed* is what names it in an error, its own name by default."""
    if name == "-":
        return _standard_input()
    try:
        text = read_text(Path(name).expanduser(), max_bytes=MAX_FILE_BYTES, is_pipe_taken=True)
    except OSError as exc:
        where = name if typed is None else f"{typed} stands for a file's text, and {name}"
        raise InvalidRequest(f"{where}: {exc.strerror}") from exc
    return text.rstrip("\r\n")


def piped() -> str:
    """All of standard input, ``""`` when it is a terminal."""
    return "" if sys.stdin is None or sys.stdin.isatty() else _standard_input()


def _standard_input() -> str:
    if sys.stdin is None:
        raise InvalidRequest("standard input is closed")
    try:
        return sys.stdin.read().removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"standard input is not {exc.encoding} text") from exc
    except OSError as exc:
        raise InvalidRequest(f"standard input can't be read: {exc.strerror}") from exc


def encodable(what: str, text: str | None) -> str | None:
    """*text*, unless it holds bytes that are no text."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        # Perhaps only this process takes them for something else: its locale may be plain C.
        try:
            return os.fsencode(text or "").decode()
        except UnicodeError as exc:
            raise InvalidRequest(f"{what} holds bytes that are not UTF-8 text") from exc
    return text


def model_from(given: str | None) -> str:
    """The model to ask: typed, else ``G4FSYNC_MODEL``, else the settings' default."""
    model = given or os.environ.get("G4FSYNC_MODEL") or config.load().model
    if not model:
        raise no_model("no model: give -m PROVIDER:MODEL")
    check_model(model)
    return model


def check_model(model: str) -> None:
    """``ConfigurationError`` when the settings file gives a provider's name to something else.

    ``config set`` refuses that; it may have been written by hand, or the provider be newer.
    """
    name = model.partition(":")[0]
    found = config.load()
    if (folded(name) in found.endpoints or folded(model) in found.aliases) and not registry.is_free(
        name
    ):
        raise ConfigurationError(
            f"settings file {str(config.config_path())!r}: {name} is the name of a provider, "
            "and of an endpoint or alias there; give that another name"
        )


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
