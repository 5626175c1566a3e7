"""What is typed or piped in: prompts."""

from __future__ import annotations

import sys

from ..errors import InvalidRequest


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
