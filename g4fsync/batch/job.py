"""What is asked: a row's key, its messages, and the hash of all that decides its answer."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from typing import Any

from ..errors import InvalidRequest
from .index import digest

HASH_DIGITS = 32  # hexadecimal
KEY = "key"  # the column that is used where no other is named

# Of chat's arguments those that say how to ask, not what.
_HOW = frozenset({"timeout", "retry", "proxy", "cookies", "api_key", "provider", "reask"})

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


@dataclass(slots=True)  # frozen it would take three times as long to make
class Row:
    """One row, ready to be asked; ``number`` counts from 1."""

    number: int
    key: str
    digest: int  # of the key
    hash: str
    input: Mapping[str, Any]
    messages: object
    model: str | None  # of its own
    system: str | None
    characters: int  # of text that is sent, about
    most_tokens: int  # the prompt can have


class Job:
    """How rows become questions: the prompt's template, the key's column, model and options.

    *identity* gives the full name of a model, ``None`` for the default; it may raise
    ``InvalidRequest``.
    """

    def __init__(
        self,
        *,
        prompt: str | None,
        key: str | None,
        options: Mapping[str, Any],
        identity: Callable[[str | None], str],
    ) -> None:
        self._template = None if prompt is None else Template(prompt)
        self._key = key
        self._identity = identity
        self._options = canonical({n: v for n, v in options.items() if n not in _HOW})
        self._hashes: dict[tuple[str | None, str | None], Any] = {}
        self._sent_with_each = len(self._options.encode()) if self._options != "{}" else 0

    def row(self, number: int, value: object) -> Row:
        """The row that *value* says; raises ``InvalidRequest`` with its number."""
        try:
            columns, messages, model, system = self._question(value)
            text = _encode(messages) if isinstance(messages, str) else canonical(messages)
            sent = text.encode("utf-8", "surrogatepass")
            hasher = self._hashes.get((model, system)) or self._hasher(model, system)
            hasher = hasher.copy()
            hasher.update(sent)
            hash = hasher.hexdigest()[:HASH_DIGITS]
            key = self._key_of(columns, hash)
        except InvalidRequest as error:
            raise InvalidRequest(f"row {number}: {error}") from error
        except RecursionError as exc:
            raise InvalidRequest(f"row {number}: it is nested too deeply, or in itself") from exc
        turns = 1 if isinstance(messages, str) else len(messages)
        more = len(system.encode("utf-8", "surrogatepass")) + 16 if system else 0
        # A token has a byte at least; templates put some around each turn.
        most_tokens = len(sent) + 16 * (turns + 1) + more + self._sent_with_each
        # By position: by name it would take twice as long.
        id = digest(key.encode())
        size = len(text)
        return Row(number, key, id, hash, columns, messages, model, system, size, most_tokens)

    def _hasher(self, model: str | None, system: str | None) -> Any:
        """What has hashed all but the messages."""
        what = f"{self._identity(model)}\n{canonical(system)}\n{self._options}\n"
        hasher = self._hashes[model, system] = sha256(what.encode("utf-8", "surrogatepass"))
        return hasher

    def _question(self, value: object) -> tuple[Mapping[str, Any], Any, str | None, str | None]:
        """Columns, messages, and model and system text of the row's own."""
        if value.__class__ is dict:  # most are, and to ask Mapping costs more than to fill it in
            return self._from_columns(value)
        if isinstance(value, str):
            if self._template is not None:
                columns = {"text": value}
                return columns, self._template.fill(columns), None, None
            return {"prompt": value}, value, None, None
        if isinstance(value, Mapping):
            return self._from_columns(value)
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            if self._template is not None:
                raise InvalidRequest("a prompt template needs columns, this row has messages")
            return {"messages": jsonable(value)}, list(value), None, None
        raise InvalidRequest(f"must be a str, a mapping or messages, got {type(value).__name__}")

    def _from_columns(
        self, columns: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Any, str | None, str | None]:
        if self._template is not None:  # then a column "model" may be of cars
            return columns, self._template.fill(columns), None, None
        messages = columns.get("messages")
        if messages is None:
            messages = columns.get("prompt")
            if not isinstance(messages, str):
                names = ", ".join(map(str, columns)) or "none"
                raise InvalidRequest(
                    f"no column 'prompt' or 'messages' (there are: {names}); "
                    "prompt='... {column} ...' makes one of others"
                )
        elif not isinstance(messages, str | list | tuple):
            raise InvalidRequest(f"messages must be a list, got {type(messages).__name__}")
        model, system = columns.get("model") or None, columns.get("system") or None
        for name, each in (("model", model), ("system", system)):
            if not isinstance(each, str | None):
                raise InvalidRequest(f"{name} must be a str, got {type(each).__name__}")
        return columns, messages, model, system

    def _key_of(self, columns: Mapping[str, Any], hash: str) -> str:
        key = columns.get(self._key or KEY)
        if key is None or key == "":
            if self._key is not None:
                raise InvalidRequest(f"nothing in the key's column {self._key!r}")
            return hash
        if isinstance(key, str):
            # Half a character is no text: in the file it would not be the key any more.
            return key if key.isascii() else key.encode("utf-8", "replace").decode()
        if not isinstance(key, (int, float)):
            raise InvalidRequest(f"a key must be text or a number, got {type(key).__name__}")
        return str(key)


class Template:
    """Text with columns in braces, ``{{`` for a brace: names only, no attributes or indices."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise InvalidRequest(f"prompt must be a str, got {type(text).__name__}")
        try:
            pieces = [*string.Formatter().parse(text)]
        except ValueError as exc:
            raise InvalidRequest(f"prompt: {exc} ('{{{{' is a brace)") from exc
        self._pieces: list[tuple[str, str | None]] = []
        for literal, name, form, conversion in pieces:
            if name == "" or form or conversion:
                held = f"{name or ''}{form and ':'}{form or ''}"
                raise InvalidRequest(
                    f"prompt: braces hold the name of a column, not {held!r} ('{{{{' is a brace)"
                )
            self._pieces.append((literal, name))

    def fill(self, columns: Mapping[str, Any]) -> str:
        """The text with what *columns* say."""
        text = []
        for literal, name in self._pieces:
            text.append(literal)
            if name is not None:
                if name not in columns:
                    names = ", ".join(map(str, columns)) or "none"
                    raise InvalidRequest(f"no column {name!r} for the prompt (there are: {names})")
                value = columns[name]
                if value.__class__ is str:
                    text.append(value)
                    continue
                shown = "" if value is None else _encode(jsonable(value))
                text.append(shown)
        return "".join(text)


def canonical(value: object) -> str:
    """*value* as one JSON text, the same for the same content in any process."""
    return json.dumps(
        jsonable(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str
    )


def jsonable(value: Any) -> Any:
    """*value* as JSON has it; types and functions by their names."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): jsonable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, bytes):
        return {"bytes": sha256(value).hexdigest()}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: jsonable(getattr(value, each.name)) for each in fields(value)}
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return jsonable(value.model_dump())
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = str(value)
    return text if " at 0x" not in text else type(value).__qualname__
