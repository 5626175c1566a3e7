"""``models.list`` and ``models.retrieve``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import quote

from ..records import Readers, Record, list_of
from .calling import get
from .streams import RawResponse, WireSource, complete, raw
from .types.model import Model

if TYPE_CHECKING:
    from .client import OpenAI


class ModelPage(Record):
    """The models of a server; iterate for each :class:`.Model`."""

    data: list[Model]
    object: str

    readers: ClassVar[Readers] = {"data": list_of(Model)}

    def __iter__(self) -> Iterator[Model]:  # type: ignore[override]  # a page is its entries there
        return iter(self.data or ())

    def has_next_page(self) -> bool:
        """Whether there is more; there never is."""
        return False

    def iter_pages(self) -> Iterator[ModelPage]:
        """This page."""
        yield self


class Models:
    """``client.models``."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def list(self, **arguments: Any) -> ModelPage:
        """The models of the server at ``base_url``."""
        return complete(get(self._client, "/models", _checked("list", arguments)), ModelPage)  # type: ignore[no-any-return]

    def _raw_list(self, **arguments: Any) -> RawResponse[ModelPage]:
        source = get(self._client, "/models", _checked("list", arguments))
        page = complete(source, ModelPage)
        return raw(source, page)

    def retrieve(self, model: str, **arguments: Any) -> Model:
        """One of them."""
        return complete(self._one(model, arguments), Model)  # type: ignore[no-any-return]

    def _raw_retrieve(self, model: str, **arguments: Any) -> RawResponse[Model]:
        source = self._one(model, arguments)
        found = complete(source, Model)
        return raw(source, found)

    def _one(self, model: str, arguments: dict[str, Any]) -> WireSource:
        if not model:
            raise ValueError(f"Expected a non-empty value for `model` but received {model!r}")
        path = f"/models/{quote(model, safe=':')}"
        return get(self._client, path, _checked("retrieve", arguments))

    @property
    def with_raw_response(self) -> Any:
        """The same, whose answers come with their status and headers."""
        from .raw import RawModels

        return RawModels(self)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Not covered."""
        raise NotImplementedError("g4fsync.compat.openai does not cover models.delete")


def _checked(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    for name in arguments:
        if name not in ("extra_headers", "extra_query", "timeout"):
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")
    return arguments
