"""``chat.completions``: ``create``, ``stream`` and ``parse``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict, TypeVar, overload

from . import arguments as args
from .arguments import NOT_GIVEN, NotGiven, Omit
from .calling import ask
from .types.chat.chat_completion import ChatCompletion
from .types.chat.chat_completion_chunk import ChatCompletionChunk

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

    from .client import OpenAI
    from .completion_stream import ChatCompletionStreamManager
    from .streams import Stream
    from .types.chat.parsed_chat_completion import ParsedChatCompletion

_F = TypeVar("_F")
PATH = "/chat/completions"


class ChatArguments(TypedDict, total=False):
    """What a chat completion can be asked with besides model, messages and stream."""

    audio: Mapping[str, Any] | NotGiven | Omit | None
    frequency_penalty: float | NotGiven | Omit | None
    function_call: str | Mapping[str, Any] | NotGiven | Omit
    functions: Iterable[Mapping[str, Any]] | NotGiven | Omit
    logit_bias: Mapping[str, int] | NotGiven | Omit | None
    logprobs: bool | NotGiven | Omit | None
    max_completion_tokens: int | NotGiven | Omit | None
    max_tokens: int | NotGiven | Omit | None
    metadata: Mapping[str, str] | NotGiven | Omit | None
    modalities: Sequence[str] | NotGiven | Omit | None
    moderation: Mapping[str, Any] | NotGiven | Omit | None
    n: int | NotGiven | Omit | None
    parallel_tool_calls: bool | NotGiven | Omit
    prediction: Mapping[str, Any] | NotGiven | Omit | None
    presence_penalty: float | NotGiven | Omit | None
    prompt_cache_key: str | NotGiven | Omit | None
    prompt_cache_options: Mapping[str, Any] | NotGiven | Omit
    prompt_cache_retention: str | NotGiven | Omit | None
    reasoning_effort: str | NotGiven | Omit | None
    safety_identifier: str | NotGiven | Omit | None
    seed: int | NotGiven | Omit | None
    service_tier: str | NotGiven | Omit | None
    stop: str | Sequence[str] | NotGiven | Omit | None
    store: bool | NotGiven | Omit | None
    stream_options: Mapping[str, Any] | NotGiven | Omit | None
    temperature: float | NotGiven | Omit | None
    tool_choice: str | Mapping[str, Any] | NotGiven | Omit
    tools: Iterable[Mapping[str, Any]] | NotGiven | Omit
    top_logprobs: int | NotGiven | Omit | None
    top_p: float | NotGiven | Omit | None
    user: str | NotGiven | Omit
    verbosity: str | NotGiven | Omit | None
    web_search_options: Mapping[str, Any] | NotGiven | Omit
    extra_headers: Mapping[str, str | Omit] | None
    extra_query: Mapping[str, object] | None
    extra_body: Any
    timeout: Any


NAMES = frozenset(ChatArguments.__annotations__)


class Chat:
    """``client.chat``."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    @cached_property
    def completions(self) -> Completions:
        """``client.chat.completions``."""
        return Completions(self._client)

    @property
    def with_raw_response(self) -> Any:
        """The same, whose answers come with their status and headers."""
        from .raw import RawChat

        return RawChat(self)


class Beta:
    """``client.beta``, where ``parse`` and ``stream`` were before they had a place of their own."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    @property
    def chat(self) -> Chat:
        """``client.chat``."""
        return self._client.chat

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("assistants", "threads", "realtime", "chatkit", "responses"):
            raise NotImplementedError(
                f"g4fsync.compat.openai does not cover beta.{name}; beta has chat.completions"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Completions:
    """``client.chat.completions``."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    @overload
    def create(
        self,
        *,
        messages: Iterable[Any],
        model: str,
        stream: Literal[False] | NotGiven | Omit | None = ...,
        response_format: Mapping[str, Any] | NotGiven | Omit = ...,
        **arguments: Unpack[ChatArguments],
    ) -> ChatCompletion: ...
    @overload
    def create(
        self,
        *,
        messages: Iterable[Any],
        model: str,
        stream: Literal[True],
        response_format: Mapping[str, Any] | NotGiven | Omit = ...,
        **arguments: Unpack[ChatArguments],
    ) -> Stream[ChatCompletionChunk]: ...
    @overload
    def create(
        self,
        *,
        messages: Iterable[Any],
        model: str,
        stream: bool,
        response_format: Mapping[str, Any] | NotGiven | Omit = ...,
        **arguments: Unpack[ChatArguments],
    ) -> ChatCompletion | Stream[ChatCompletionChunk]: ...
    def create(self, *, messages: Any = NOT_GIVEN, model: Any = NOT_GIVEN, **arguments: Any) -> Any:
        """Ask: a :class:`ChatCompletion`, or with ``stream=True`` a :class:`.Stream` of chunks.

        The arguments are those of OpenAI's API; what is given is sent as it is, ``None``
        as ``null``.  One that the API does not have is a ``TypeError``: it goes into
        ``extra_body``.  A provider that is not at ``base_url`` is asked with what it has
        options for, anything else is a ``BadRequestError`` before it is asked.

        With ``stream=True`` this returns at the first token, or raises what the server
        refused with.  Raises openai's errors, which are g4fsync's too.
        """
        return self._answer(messages, model, arguments, raw=False)

    def _answer(self, messages: Any, model: Any, arguments: dict[str, Any], *, raw: bool) -> Any:
        known = {"stream": NOT_GIVEN, "response_format": NOT_GIVEN, **arguments}
        args.unknown("create", known, (*NAMES, "stream", "response_format"))
        if isinstance(known["response_format"], type):
            raise TypeError(
                "You tried to pass a `BaseModel` class to `chat.completions.create()`; "
                "You must use `chat.completions.parse()` instead"
            )
        args.required("create", {"messages": messages, "model": model}, "messages", "model")
        body = {"model": model, "messages": messages, **known}
        kinds = (ChatCompletion, ChatCompletionChunk)
        return ask(self._client, PATH, body, kinds, raw=raw)

    def parse(
        self,
        *,
        messages: Iterable[Any],
        model: str,
        response_format: type[_F] | Mapping[str, Any] | NotGiven | Omit = NOT_GIVEN,
        **arguments: Unpack[ChatArguments],
    ) -> ParsedChatCompletion[_F]:
        """Ask for an answer of the type *response_format*, a pydantic model or dataclass.

        ``choices[0].message.parsed`` is the answer as that type; arguments of strict
        function tools are read too.  Raises ``LengthFinishReasonError`` and
        ``ContentFilterFinishReasonError`` for an answer that can't be complete.
        """
        return self._parse(messages, model, response_format, arguments, raw=False)  # type: ignore[no-any-return]

    def _parse(
        self, messages: Any, model: Any, response_format: Any, arguments: Any, *, raw: bool
    ) -> Any:
        from . import parsing

        args.unknown("parse", arguments, NAMES)
        tools = args.plain_tools(arguments.get("tools", NOT_GIVEN))
        parsing.checked_tools(tools)
        wanted = parsing.response_format(response_format)
        asked = {**arguments, "tools": tools, "response_format": wanted, "stream": False}
        answer = self._answer(messages, model, asked, raw=raw)
        if raw:
            return answer.read_by(lambda found: parsing.parsed(found, response_format, tools))
        return parsing.parsed(answer, response_format, tools)

    def stream(
        self,
        *,
        messages: Iterable[Any],
        model: str,
        response_format: type[_F] | Mapping[str, Any] | NotGiven | Omit = NOT_GIVEN,
        **arguments: Unpack[ChatArguments],
    ) -> ChatCompletionStreamManager[_F]:
        """Ask for a stream of events; the request is made when the ``with`` block is entered."""
        from . import parsing
        from .completion_stream import ChatCompletionStreamManager

        given: Any = arguments
        args.unknown("stream", given, NAMES)
        wanted = parsing.response_format(response_format)
        tools = args.plain_tools(given.get("tools", NOT_GIVEN))

        def begin() -> Any:
            asked = {**given, "tools": tools, "response_format": wanted, "stream": True}
            return self._answer(messages, model, asked, raw=False)

        return ChatCompletionStreamManager(begin, response_format, tools)

    @property
    def with_raw_response(self) -> Any:
        """The same, whose answers come with their status and headers."""
        from .raw import RawCompletions

        return RawCompletions(self)

    @property
    def with_streaming_response(self) -> NoReturn:
        """Not covered."""
        raise NotImplementedError(
            "g4fsync.compat.openai does not cover 'with_streaming_response'; "
            "create(stream=True) and with_raw_response are there"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("retrieve", "update", "list", "delete", "messages"):
            raise NotImplementedError(
                f"g4fsync.compat.openai does not cover chat.completions.{name}; "
                "it has create, stream and parse"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
