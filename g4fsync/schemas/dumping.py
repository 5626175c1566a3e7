"""A Python value as JSON: what a tool gives back, and what a schema says of its kind."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import os
import sys
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from .kinds import enum_choices

_MAX_DEPTH = 100


def json_text(value: Any) -> str:
    """*value* as JSON text; what JSON has no word for is written as ``str()`` has it."""
    return json.dumps(as_json(value), ensure_ascii=False)


def as_json(value: Any, depth: int = 0) -> Any:
    """*value* as what ``json.dumps`` takes; it never fails, and is no deeper than 100."""
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, enum.Enum):
        return next((w for w, member in enum_choices(type(value)) if member is value), value.name)
    if isinstance(value, float):
        return float(value) if value - value == 0 else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if depth > _MAX_DEPTH:
        return str(value)
    return _composed(value, depth + 1)


def _composed(value: Any, depth: int) -> Any:
    dump = None if isinstance(value, type) else getattr(value, "model_dump", None)
    if callable(dump):  # a model of pydantic's
        return as_json(dump(mode="json"), depth)
    if hasattr(type(value), "__struct_fields__"):  # a struct of msgspec's, which may have a tag
        return as_json(sys.modules["msgspec"].to_builtins(value), depth)
    fields = _fields(value)
    if fields is not None:
        return {name: as_json(each, depth) for name, each in fields.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | os.PathLike):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    if isinstance(value, Iterable):
        return [as_json(each, depth) for each in value]
    return str(value)


def _fields(value: Any) -> Mapping[str, Any] | None:
    """What *value* has by names; ``None`` for what is no record."""
    if isinstance(value, type):
        return None
    if isinstance(value, Mapping):
        return {_key(name): each for name, each in value.items()}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and names is not None:
        return dict(zip(names, value, strict=True))
    attributes = getattr(type(value), "__attrs_attrs__", None)
    if attributes is not None:
        return {a.alias: getattr(value, a.name) for a in attributes if a.init}
    return None


def _key(name: Any) -> str:
    written = as_json(name)
    return written if isinstance(written, str) else json.dumps(written)
