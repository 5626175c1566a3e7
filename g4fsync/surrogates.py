"""Halves of a character (surrogates), as JSON can carry them alone: ``"\\ud83d"``."""

from __future__ import annotations


def paired(text: str) -> str:
    """*text* with two halves side by side as their character, a lone one as U+FFFD.

    With a lone one in it, a text can't be written to a file or a terminal, or be sent.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended(text: str, half: str) -> tuple[str, str]:
    """*half* and *text* together, whole characters only; and the half at the end, if any.

    A JavaScript server may put one half of an emoji into a token and the other
    into the next.  A lone half can't be written to a file; it becomes U+FFFD.
    """
    if not half and _is_encodable(text):
        return text, ""
    text = half + text
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    text = text[: len(text) - len(half)]
    return paired(text), half


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
