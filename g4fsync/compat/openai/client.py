"""``OpenAI`` and ``AzureOpenAI``: settings as there, a client of ours behind them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from ...access.names import folded
from ...errors import InvalidRequest
from ...urls import shown
from . import arguments as args
from .arguments import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, NOT_GIVEN, is_given

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from ...client import Client
    from .backend import Backend
    from .chat_calls import Beta, Chat
    from .model_list import Models
    from .response_calls import Responses

DEFAULT_BASE_URL = "https://api.openai.com/v1"

# What it may be given there and is not heard here: each is refused, by name.
REFUSED = (
    *("admin_api_key", "workload_identity", "webhook_secret", "provider", "data_residency"),
    *("websocket_base_url", "http_client", "_strict_response_validation"),
)
_RESOURCES = (
    *("completions", "embeddings", "files", "images", "audio", "moderations", "fine_tuning"),
    *("vector_stores", "batches", "uploads", "containers", "conversations", "evals"),
    *("webhooks", "realtime", "videos", "skills", "safety", "decisions", "live", "admin"),
    *("content_provenance_checks", "post", "get", "put", "patch", "delete", "request"),
    "get_api_list",
)


class OpenAI:
    """Asks OpenAI, a server that speaks like it, or any provider of g4fsync.

    The arguments mean what they mean in ``openai``: ``base_url`` and ``api_key`` (also a
    function that returns one) with ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` in their
    place, ``organization``, ``project``, ``timeout`` (seconds, or an object like
    ``httpx.Timeout``), ``max_retries``, ``default_headers``, ``default_query``.

    Without a ``base_url``, a model's name that begins with a provider's goes to that
    provider, with the key that is kept for it: ``model="anthropic:claude-sonnet-4-5"``,
    ``model="koala"``.  With one all names go to that server, unless ``client``, a
    :class:`~g4fsync.client.Client` to ask such providers with, is given too.

    ``strict=False`` hands out an answer that was cut short as if it were complete, as
    ``openai`` does; by default it is an error, whose ``partial`` is what came.

    What is not covered is refused: arguments with ``InvalidRequest``, other parts of the
    API with ``NotImplementedError``.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        organization: str | None = None,
        project: str | None = None,
        base_url: Any = None,
        timeout: Any = NOT_GIVEN,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        strict: bool = True,
        client: Client | None = None,
        **refused: Any,
    ) -> None:
        _refuse(type(self).__name__, refused)
        if not isinstance(max_retries, int) or isinstance(max_retries, bool) or max_retries < 0:
            raise InvalidRequest(
                f"max_retries must be a whole number from 0, got {max_retries!r:.80}"
            )
        self.api_key = os.environ.get("OPENAI_API_KEY") if api_key is None else api_key
        self.organization = organization or os.environ.get("OPENAI_ORG_ID")
        self.project = project or os.environ.get("OPENAI_PROJECT_ID")
        chosen = base_url if base_url is not None and is_given(base_url) else None
        chosen = chosen or os.environ.get("OPENAI_BASE_URL") or None
        self.has_base_url = chosen is not None
        self.base_url = str(chosen or DEFAULT_BASE_URL).rstrip("/")
        self.timeout = timeout
        self.max_retries = max_retries
        self.default_headers = dict(default_headers or {})
        self.default_query = dict(default_query or {})
        self.strict = strict
        self.client = client
        self._backend: Backend | None = None

    # -- what can be asked -----------------------------------------------

    @cached_property
    def chat(self) -> Chat:
        """``chat.completions``."""
        from .chat_calls import Chat

        return Chat(self)

    @cached_property
    def beta(self) -> Beta:
        """``beta.chat.completions``: another name of ``chat.completions``."""
        from .chat_calls import Beta

        return Beta(self)

    @cached_property
    def responses(self) -> Responses:
        """``responses.create``."""
        from .response_calls import Responses

        return Responses(self)

    @cached_property
    def models(self) -> Models:
        """``models.list`` and ``models.retrieve``."""
        from .model_list import Models

        return Models(self)

    @cached_property
    def with_raw_response(self) -> Any:
        """The same client, whose answers come with their status and headers."""
        from .raw import RawClient

        return RawClient(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name in _RESOURCES or name == "with_streaming_response":
            raise NotImplementedError(
                f"g4fsync.compat.openai does not cover {name!r}; it has chat.completions, "
                "responses and models"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # -- settings --------------------------------------------------------

    def with_options(self, **changes: Any) -> Self:
        """A client like this one, with other settings, over the same connections."""
        twin = self._like(changes)
        twin._backend = self.backend
        return twin

    def copy(self, **changes: Any) -> Self:
        """The same as :meth:`with_options`."""
        return self.with_options(**changes)

    def _like(self, changes: dict[str, Any]) -> Self:
        for kind in ("headers", "query"):
            replacement, more = changes.pop(f"set_default_{kind}", None), f"default_{kind}"
            added = changes.pop(more, None)
            if replacement is not None and added is not None:
                raise ValueError(
                    f"`default_{kind}` and `set_default_{kind}` are mutually exclusive"
                )
            if replacement is not None or added is not None:
                old = {} if replacement is not None else getattr(self, more)
                changes[more] = {**old, **(replacement or {}), **(added or {})}
        settings = {name: getattr(self, name) for name in self._settings}
        settings["base_url"] = self.base_url if self.has_base_url else None
        return type(self)(**{**settings, **changes})

    _settings: tuple[str, ...] = (
        *("api_key", "organization", "project", "timeout", "max_retries"),
        *("default_headers", "default_query", "strict", "client"),
    )

    @property
    def limits(self) -> Any:
        """The client's time limits, as ours."""
        return args.seconds(self.timeout, DEFAULT_TIMEOUT)

    @property
    def backend(self) -> Backend:
        """What asks; made when it is first needed."""
        if self._backend is None:
            from .backend import Backend

            self._backend = Backend(self.client)
        return self._backend

    def key(self) -> str | None:
        """The key to send, as it is now: for OpenAI itself also the one in the key file."""
        if callable(self.api_key):
            return self.api_key()
        if self.api_key is None and not self.has_base_url:
            from ...access.keys import resolve

            return resolve("openai", None, ())
        return self.api_key

    @property
    def auth_headers(self) -> dict[str, str]:
        """The headers that say who asks."""
        key = self.key()
        named = {"OpenAI-Organization": self.organization, "OpenAI-Project": self.project}
        found = {name: value for name, value in named.items() if value}
        return {"Authorization": f"Bearer {key}", **found} if key else found

    def path(self, path: str, body: Mapping[str, Any] | None) -> tuple[str, str]:
        """The base URL and the path below it that a request goes to."""
        return self.base_url, path

    def other_provider(self, model: Any) -> bool:
        """Whether *model* names a provider of g4fsync to ask in place of ``base_url``."""
        if not isinstance(model, str) or (self.has_base_url and self.client is None):
            return False
        from ...registry import provider_names

        name = folded(model.partition(":")[0])
        if name == "openai" and self.client is None:
            return False
        return name in map(folded, provider_names())

    # -- ending ----------------------------------------------------------

    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._backend is not None and self._backend.closed

    def close(self) -> None:
        """Cancel what is still running, and close idle connections."""
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={shown(str(self.base_url))!r})"


def _refuse(name: str, refused: Mapping[str, Any]) -> None:
    for argument, value in refused.items():
        if argument not in REFUSED:
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument {argument!r}")
        if value is not None and is_given(value) and value is not False:
            raise InvalidRequest(f"g4fsync.compat.openai does not cover {name}({argument}=...)")
