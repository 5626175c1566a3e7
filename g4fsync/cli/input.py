"""What is typed, piped in or set: prompts, and the model to ask."""

from __future__ import annotations

import os
import sys

from ..access import config
from ..errors import ConfigurationError, InvalidRequest


def prompt_from(words: list[str]) -> str:
    """The argument, and what is piped in after a blank line."""
    if len(words) > 1:
        raise InvalidRequest(f'more than one prompt; quote it: "{" ".join(words)}"')
    parts = [each for each in (*words, piped()) if each.strip()]
    if not parts:
        raise InvalidRequest('no prompt; try: g4fsync "Why is the sky blue?", or g4fsync --help')
    return encodable("the prompt", "\n\n".join(parts)) or ""


def piped() -> str:
    """All of standard input, ``""`` when it is a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
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
