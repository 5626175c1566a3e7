"""Secrets taken out of text: as they are, and in the forms in which a server may echo them.

A text that was cut may end inside a secret, so its first characters count, too.
What a server has masked itself (``sk-ab***yz``) stays, but for such a beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# A word shorter than that, as local servers are given for a key, would only mar the text.
_MIN_CHARS = 8
_MIN_PASSWORD_CHARS = 4
_MARK = "…"


def forms(secrets: Iterable[str | None], passwords: Iterable[str | None] = ()) -> list[str]:
    """How *secrets* may stand in a text, the longest first; too short ones are left out.

    *passwords*, which stand in URLs and not in place of a word, may be shorter.
    """
    # Here, since it is needed only when something has gone wrong.
    import html
    import json
    from base64 import b64encode
    from urllib.parse import quote, quote_plus

    found: set[str] = set()
    given = [each for each in secrets if each and len(each) >= _MIN_CHARS]
    given += [each for each in passwords if each and len(each) >= _MIN_PASSWORD_CHARS]
    for each in given:
        escaped = json.dumps(each)[1:-1]
        quoted = quote(each, safe="")
        found |= {
            each,
            *(quoted, quote(each), quote_plus(each), _lower_hex(quoted)),
            *(escaped, json.dumps(each, ensure_ascii=False)[1:-1], escaped.replace("/", "\\/")),
            json.dumps(escaped)[1:-1],  # JSON in JSON, as gateways hand on
            *(html.escape(each), html.escape(each, quote=False), repr(each)[1:-1]),
            b64encode(each.encode("utf-8", "surrogatepass")).decode().rstrip("="),
        }
    return sorted(found, key=len, reverse=True)


def _lower_hex(quoted: str) -> str:
    first, *rest = quoted.split("%")
    return "%".join([first, *(each[:2].lower() + each[2:] for each in rest)])


def blotted(value: Any, secrets: Sequence[str]) -> Any:
    """*value* with each of *secrets*, :func:`forms`, blotted out of the text in it."""
    if isinstance(value, str):
        for secret in secrets:
            value = _without(value, secret)
    elif isinstance(value, bytes):
        for secret in secrets:
            raw = secret.encode("utf-8", "surrogatepass")
            value = value.replace(raw, b"*" * len(raw))  # offsets into it still hold
    elif isinstance(value, tuple | list):
        return type(value)(blotted(each, secrets) for each in value)
    return value


def _without(text: str, secret: str) -> str:
    """*text* without *secret*, or as much of its beginning as stands there."""
    head = secret[:_MIN_CHARS]
    start = text.find(head)
    while start >= 0:
        end = start + len(head)
        while end - start < len(secret) and text[end : end + 1] == secret[end - start]:
            end += 1
        text = text[:start] + _MARK + text[end:]
        start = text.find(head, start + len(_MARK))
    return text
