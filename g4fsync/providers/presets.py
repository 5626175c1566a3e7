"""Services and servers that speak OpenAI's or Anthropic's protocol: their rows, made providers.

The rows stand in :mod:`.preset_rows`, what they mean and where they are from in
:mod:`.preset_row`.  To add a host, add a row
with its source; code belongs here only when a protocol differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..settings import Rate
from ..urls import parsed
from .anthropic import Anthropic
from .chatapi import ChatAPI
from .openai import OpenAI
from .preset_row import PresetRow
from .preset_rows import PRESET_ROWS


def provider_class(row: PresetRow) -> type[ChatAPI]:
    """A provider of the row's name."""
    base: type[ChatAPI] = Anthropic if row.protocol == "anthropic" else OpenAI
    about = row.url.removeprefix("https://")
    class_name = "".join(part.capitalize() for part in row.name.split("-"))
    rate = "" if row.rate is None else f", {row.rate[0]} requests in {row.rate[1]} s without a key"
    members: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"Chat with {row.name} ({about}{rate}); settings as for `{base.__name__}`.",
        "name": row.name,
        "base_url": row.base_url,
        "url": row.url,
        "key_variables": row.key_variables,
        "base_url_variables": row.base_url_variables,
        "needs_key": row.status == "active",
        "status": row.status,
        "default_model": row.default_model,
        "rate_without_key": None if row.rate is None else Rate(row.rate[0], per=row.rate[1]),
    }
    if base is OpenAI:
        members["reasoning"] = row.reasoning
        members["has_responses"] = row.has_responses
        members["bare_path"] = parsed(row.base_url).path  # another host has it at the same place
    return type(class_name, (base,), members | dict(row.quirks))


class _Providers(Mapping[str, type[ChatAPI]]):
    """Name without ``-`` -> provider class, made when it is asked for."""

    def __init__(self) -> None:
        self._rows = {row.name.replace("-", ""): row for row in PRESET_ROWS}
        self._classes: dict[str, type[ChatAPI]] = {}

    def __getitem__(self, name: str) -> type[ChatAPI]:
        found = self._classes.get(name)
        if found is None:
            # Of two threads, both get the class of the one that was first.
            found = self._classes.setdefault(name, provider_class(self._rows[name]))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


PROVIDERS: Mapping[str, type[ChatAPI]] = _Providers()
