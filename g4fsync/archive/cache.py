"""Answers that need not be asked for twice: exact, and only complete ones.

The key is a hash of all that decides what reaches the wire: the provider, its settings and
base URL, the model, the messages and every option.  What is stored is an answer as it came,
piece by piece, so that a hit streams like the answer it was.

Stored are answers that ended with ``stop``, have text and called no tool.  One in which a
key would have to be blotted out is not stored: it would be another answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..events import Event, Finish, ProviderData, Reasoning, ToolCall, Usage
from ..redaction import blotted
from .rows import as_json, further, provider_data, provider_data_of
from .writing import journal_forms

if TYPE_CHECKING:
    from ..call.attempt import Call
    from ..call.journal import Journal
    from .store import Archive

MAX_CHARACTERS = 2**20  # of an answer; a longer one is not stored

Items = list["str | Event"]


class AnswerCache:
    """An archive's answers, for the engine; ``stores`` new ones, or only reads."""

    def __init__(self, archive: Archive, *, stores: bool) -> None:
        self._archive = archive
        self._stores = stores

    def find(self, call: Call) -> Items | None:
        """The answer that is known, piece by piece."""
        stored = self._archive.stored_answer(key_of(call))
        return None if stored is None else items_of(stored)

    def keeping(
        self, call: Call, items: Iterable[str | Event], journal: Journal
    ) -> Iterator[str | Event]:
        """*items* as they come; when they have ended well, they are stored."""
        if not self._stores:
            yield from items
            return
        kept: Items = []
        for item in items:
            kept.append(item)
            yield item
        if _is_worth_storing(kept):
            stored = as_json([_as_json(item) for item in kept])
            # A key may have come in several pieces.
            said = f"{_joined(kept, str)}\n{_joined(kept, Reasoning)}\n{stored}"
            if blotted(said, journal_forms(journal.secrets, call.request.options)) == said:
                self._archive.store_answer(key_of(call), call.provider.name, call.model, stored)


def _joined(items: Items, kind: type[str] | type[Reasoning]) -> str:
    return "".join(
        item if isinstance(item, str) else item.text for item in items if isinstance(item, kind)
    )


def key_of(call: Call) -> bytes:
    """What is the same for two calls exactly when they ask the same of the same."""
    request = call.request
    said = [
        type(call.provider).__qualname__,
        call.provider.name,
        # The base URL is among its settings.
        {name: repr(value) for name, value in vars(call.provider).items()},
        request.model,
        [[m.role, m.content, further(m)] for m in request.messages],
        dict(request.options),
    ]
    text = json.dumps(said, sort_keys=True, default=_plain, ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _plain(value: object) -> object:
    """What is no JSON by itself: a mapping or a sequence of another type, else its ``repr``."""
    if hasattr(value, "items"):
        return dict(value.items())
    return list(value) if isinstance(value, Sequence) else repr(value)


def _is_worth_storing(items: Items) -> bool:
    finish = items[-1] if items else None
    texts = [item for item in items if isinstance(item, str)]
    return (
        isinstance(finish, Finish)
        and finish.reason == "stop"
        and 0 < sum(map(len, texts)) <= MAX_CHARACTERS
        and not any(isinstance(item, ToolCall) for item in items)
    )


def _as_json(item: str | Event) -> Any:
    match item:
        case str():
            return item
        case ProviderData():
            value = provider_data(item)
        case _:
            value = {each.name: getattr(item, each.name) for each in fields(item)}
    return {type(item).__name__: value}


_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Reasoning, Usage, Finish)}


def items_of(stored: str) -> Items:
    """The pieces and events of a stored answer."""
    items: Items = []
    for each in json.loads(stored):
        if isinstance(each, str):
            items.append(each)
            continue
        ((name, value),) = each.items()
        items.append(provider_data_of(value) if name == "ProviderData" else _KINDS[name](**value))
    return items
