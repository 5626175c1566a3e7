"""From a method's arguments to an answer: where it goes, with which headers and clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...access.names import folded
from ...errors import G4FSyncError
from ...settings import Timeout
from . import arguments as args
from .errors import translated
from .http import Request
from .others import OtherSource
from .streams import Source, Stream, WireSource, complete, raw as with_head
from .wire import Post, Wire, without_key

if TYPE_CHECKING:
    from ..records import Record
    from .client import OpenAI

_OF_THE_CALL = ("extra_headers", "extra_query", "extra_body", "timeout")


def ask(
    client: OpenAI,
    path: str,
    given: Mapping[str, Any],
    kinds: tuple[type[Record], type[Record]],
    *,
    raw: bool,
    wire_class: type[Wire] = Wire,
    read: Callable[[Any], Any] | None = None,
) -> Any:
    """The answer to what is *given*: of the first of *kinds*, or a stream of the second.

    *read* makes an event of a value of a stream whose events are of many kinds.
    """
    body = args.given({name: each for name, each in given.items() if name not in _OF_THE_CALL})
    extra = given.get("extra_body")
    if extra is not None:
        body |= args.plain(extra)
    try:
        timeout = args.seconds(given.get("timeout", args.NOT_GIVEN), client.limits)
    except G4FSyncError as exc:
        raise translated(exc, Request("POST", path)) from exc
    if client.other_provider(body.get("model")):
        source: Source = _other(client, body, given, timeout)
    else:
        source = _wire(client, path, body, given, timeout, wire_class)
    if body.get("stream"):
        stream = Stream(source, read or kinds[1].of, strict=client.strict)
        return with_head(source, stream) if raw else stream
    record = complete(source, kinds[0])
    return with_head(source, record) if raw else record


def _other(
    client: OpenAI, body: Mapping[str, Any], given: Mapping[str, Any], timeout: Timeout
) -> OtherSource:
    headers = args.headers(client.default_headers, given.get("extra_headers"))
    # A client of the caller's has limits of its own, which count where nothing else is said.
    has_own = client.client is not None
    limits = (given.get("timeout", args.NOT_GIVEN), client.timeout)
    retries = client.max_retries + 1
    return OtherSource(
        client.backend.other,
        body,
        headers=headers,
        query=args.params(client.default_query, given.get("extra_query")),
        timeout=None if has_own and not any(map(args.is_given, limits)) else timeout,
        retry=None if has_own and client.max_retries == args.DEFAULT_MAX_RETRIES else retries,
    )


def _wire(
    client: OpenAI,
    path: str,
    body: dict[str, Any],
    given: Mapping[str, Any],
    timeout: Timeout,
    wire_class: type[Wire],
) -> WireSource:
    model = body.get("model")
    if isinstance(model, str) and not client.has_base_url:
        provider, colon, name = model.partition(":")
        if colon and folded(provider) == "openai":
            body["model"] = name
    base_url, below = client.path(path, body)
    post = Post(below, body, *_extras(client, given))
    _check_key(client, post, given)
    return sent(client, _made(wire_class, base_url, post), str(body.get("model") or ""), timeout)


def _extras(client: OpenAI, given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query of a request."""
    headers = args.headers(client.auth_headers, client.default_headers, given.get("extra_headers"))
    return headers, args.params(client.default_query, given.get("extra_query"))


def get(client: OpenAI, path: str, given: Mapping[str, Any]) -> WireSource:
    """The answer to a GET request."""
    base_url, below = client.path(path, None)
    headers, params = _extras(client, given)
    timeout = args.seconds(given.get("timeout", args.NOT_GIVEN), client.limits)
    post = Post(below, None, headers, params, "GET")
    _check_key(client, post, given)
    return sent(client, _made(Wire, base_url, post), "", timeout)


def _check_key(client: OpenAI, post: Post, given: Mapping[str, Any]) -> None:
    """Raise where no key goes along, unless the caller took its header away."""
    names = {name.lower() for name in post.headers}
    layers = (client.default_headers, given.get("extra_headers"))
    if not names & {"authorization", "api-key"} and not args.take_away("authorization", *layers):
        error = without_key(Wire.name)
        raise translated(error, Request(post.method, post.path)) from error


def _made(wire_class: type[Wire], base_url: str, post: Post) -> Wire:
    try:
        return wire_class(base_url, post)
    except G4FSyncError as exc:  # the base URL is none
        raise translated(exc) from exc


def sent(client: OpenAI, wire: Wire, model: str, timeout: Timeout) -> WireSource:
    """The answer to what *wire* holds; nothing is sent yet."""
    try:
        answer = client.backend.send(
            wire, model=model, key=client.key(), timeout=timeout, retries=client.max_retries
        )
    except G4FSyncError as exc:
        raise translated(exc, wire.request) from exc
    return WireSource(answer, wire)
