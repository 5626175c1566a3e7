"""``responses``: ``create``, ``parse`` and ``stream``, over the server at ``base_url``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict, TypeVar, overload

from ...errors import G4FSyncError, InvalidRequest
from ...events import Event, Finish, Reasoning
from ...providers.openai_responses_answers import ResponseReader
from . import arguments as args
from .arguments import NOT_GIVEN, NotGiven, Omit
from .calling import ask
from .errors import translated
from .types.response_events import event as event_of
from .types.response_items import Response
from .wire import Wire, in_band

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

    from ...transport.base import Response as Incoming
    from .client import OpenAI
    from .response_parsing import ResponseStreamManager
    from .streams import Stream
    from .types.parsed_response import ParsedResponse

_F = TypeVar("_F")
PATH = "/responses"
_FETCH = Reasoning("")


class ResponseArguments(TypedDict, total=False):
    """What a response can be asked with besides input, model and stream."""

    access_programs: Iterable[Mapping[str, Any]] | NotGiven | Omit | None
    background: bool | NotGiven | Omit | None
    background_options: Mapping[str, Any] | NotGiven | Omit | None
    context_management: Iterable[Mapping[str, Any]] | NotGiven | Omit | None
    conversation: str | Mapping[str, Any] | NotGiven | Omit | None
    image: Mapping[str, Any] | NotGiven | Omit | None
    include: Sequence[str] | NotGiven | Omit | None
    instructions: str | NotGiven | Omit | None
    max_output_tokens: int | NotGiven | Omit | None
    max_tool_calls: int | NotGiven | Omit | None
    metadata: Mapping[str, str] | NotGiven | Omit | None
    moderation: Mapping[str, Any] | NotGiven | Omit | None
    parallel_tool_calls: bool | NotGiven | Omit | None
    previous_response_id: str | NotGiven | Omit | None
    prompt: Mapping[str, Any] | NotGiven | Omit | None
    prompt_cache_key: str | NotGiven | Omit | None
    prompt_cache_options: Mapping[str, Any] | NotGiven | Omit
    prompt_cache_retention: str | NotGiven | Omit | None
    reasoning: Mapping[str, Any] | NotGiven | Omit | None
    safety_identifier: str | NotGiven | Omit | None
    service_tier: str | NotGiven | Omit | None
    store: bool | NotGiven | Omit | None
    stream_options: Mapping[str, Any] | NotGiven | Omit | None
    temperature: float | NotGiven | Omit | None
    text: Mapping[str, Any] | NotGiven | Omit
    tool_choice: str | Mapping[str, Any] | NotGiven | Omit
    tools: Iterable[Mapping[str, Any]] | NotGiven | Omit
    top_logprobs: int | NotGiven | Omit | None
    top_p: float | NotGiven | Omit | None
    truncation: str | NotGiven | Omit | None
    user: str | NotGiven | Omit
    extra_headers: Mapping[str, str | Omit] | None
    extra_query: Mapping[str, object] | None
    extra_body: Any
    timeout: Any


NAMES = frozenset(ResponseArguments.__annotations__)


class ResponsesWire(Wire):
    """One request of the Responses API."""

    def answer_events(self, response: Incoming) -> Iterator[str | Event]:
        reader = ResponseReader(self.name)
        for value in response.values():
            yield from _events(reader, value, self.values)
            if reader.stopped:
                break
        yield from reader.finish_events()

    def complete_events(self, value: Any) -> Iterator[str | Event]:
        if isinstance(value, Mapping) and value.get("error") and "output" not in value:
            raise in_band(value)
        yield _FETCH
        yield Finish("stop")


def _events(reader: ResponseReader, value: Any, values: deque[Any]) -> Iterator[str | Event]:
    """What *value* says; it is handed out itself, also when it tells of a failure."""
    found: list[str | Event] = []
    error: G4FSyncError | None = None
    try:
        for event in reader.events(value):
            found.append(event)
    except G4FSyncError as exc:
        error = exc
    if error is None or not value.get("error"):
        values.append(value)
        yield _FETCH
    yield from (event for event in found if event != "")
    if error is not None:
        raise error


class Responses:
    """``client.responses``."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    @overload
    def create(
        self,
        *,
        input: str | Iterable[Any] | NotGiven | Omit = ...,
        model: str | NotGiven | Omit = ...,
        stream: Literal[False] | NotGiven | Omit | None = ...,
        **arguments: Unpack[ResponseArguments],
    ) -> Response: ...
    @overload
    def create(
        self,
        *,
        input: str | Iterable[Any] | NotGiven | Omit = ...,
        model: str | NotGiven | Omit = ...,
        stream: Literal[True],
        **arguments: Unpack[ResponseArguments],
    ) -> Stream[Any]: ...
    @overload
    def create(
        self,
        *,
        input: str | Iterable[Any] | NotGiven | Omit = ...,
        model: str | NotGiven | Omit = ...,
        stream: bool,
        **arguments: Unpack[ResponseArguments],
    ) -> Response | Stream[Any]: ...
    def create(self, **arguments: Any) -> Any:
        """Ask: a :class:`Response`, or with ``stream=True`` a :class:`.Stream` of its events.

        It goes to the server at ``base_url``; a provider of another protocol is asked by
        ``chat.completions.create``, and is a ``BadRequestError`` here.  A stream without
        its final event raises at its end, and so does one that tells of a failure.
        """
        return self._answer(arguments, raw=False)

    def parse(
        self, *, text_format: type[_F] | NotGiven | Omit = NOT_GIVEN, **arguments: Any
    ) -> ParsedResponse[_F]:
        """Ask for an answer of the type *text_format*, a pydantic model or dataclass.

        ``output_parsed`` is the answer as that type; arguments of strict function tools
        are read too.  The other arguments are those of :meth:`create`.
        """
        from . import response_parsing

        asked, tools = self._typed("parse", text_format, arguments)
        return response_parsing.parsed(self._answer(asked, raw=False), text_format, tools)

    def stream(
        self, *, text_format: type[_F] | NotGiven | Omit = NOT_GIVEN, **arguments: Any
    ) -> ResponseStreamManager[_F]:
        """Ask for a stream of events; the request is made when the ``with`` block is entered.

        Events of text and arguments have what came so far, those at the end the values read.
        """
        from .response_parsing import ResponseStreamManager

        asked, tools = self._typed("stream", text_format, arguments)
        asked["stream"] = True
        return ResponseStreamManager(lambda: self._answer(asked, raw=False), text_format, tools)

    def _typed(
        self, method: str, wanted: Any, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """The arguments that ask for *wanted*, and the tools among them."""
        from . import response_parsing

        args.unknown(method, arguments, (*NAMES, "input", "model"))
        tools = args.plain_tools(arguments.get("tools", NOT_GIVEN))
        text = response_parsing.with_format(arguments.get("text", NOT_GIVEN), wanted)
        return {**arguments, "tools": tools, "text": text}, tools

    def _answer(self, arguments: dict[str, Any], *, raw: bool) -> Any:
        args.unknown("create", arguments, (*NAMES, "input", "model", "stream"))
        model = arguments.get("model", NOT_GIVEN)
        if self._client.other_provider(model):
            refused = InvalidRequest(
                f"{model!r} does not speak the Responses API here; use chat.completions.create"
            )
            raise translated(refused) from refused
        return ask(
            self._client,
            PATH,
            arguments,
            (Response, Response),
            raw=raw,
            wire_class=ResponsesWire,
            read=event_of,
        )

    @property
    def with_raw_response(self) -> Any:
        """The same, whose answers come with their status and headers."""
        from .raw import RawResponses

        return RawResponses(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name in (
            *("retrieve", "delete", "cancel", "compact", "connect"),
            *("input_items", "input_tokens", "with_streaming_response"),
        ):
            raise NotImplementedError(
                f"g4fsync.compat.openai does not cover responses.{name}; "
                "it has create, parse and stream"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
