"""Names that programs import from ``openai.types.chat``.

What an answer holds are classes; what a request is made of are mappings, so the names
that end in ``Param`` stand for ``dict[str, Any]``.
"""

from typing import Any, TypeAlias

from ..submodules import add, register
from .chat_completion import ChatCompletion as ChatCompletion
from .chat_completion_chunk import ChatCompletionChunk as ChatCompletionChunk
from .chat_completion_message import (
    ChatCompletionAudio as ChatCompletionAudio,
    ChatCompletionMessage as ChatCompletionMessage,
)
from .chat_completion_message_tool_call import (
    ChatCompletionMessageCustomToolCall as ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageFunctionToolCall as ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageToolCall as ChatCompletionMessageToolCall,
)
from .chat_completion_token_logprob import (
    ChatCompletionTokenLogprob as ChatCompletionTokenLogprob,
)
from .parsed_chat_completion import (
    ParsedChatCompletion as ParsedChatCompletion,
    ParsedChatCompletionMessage as ParsedChatCompletionMessage,
    ParsedChoice as ParsedChoice,
    ParsedFunction as ParsedFunction,
    ParsedFunctionToolCall as ParsedFunctionToolCall,
)

ChatCompletionMessageToolCallUnion: TypeAlias = ChatCompletionMessageFunctionToolCall

ChatCompletionMessageParam: TypeAlias = dict[str, Any]
ChatCompletionSystemMessageParam: TypeAlias = dict[str, Any]
ChatCompletionDeveloperMessageParam: TypeAlias = dict[str, Any]
ChatCompletionUserMessageParam: TypeAlias = dict[str, Any]
ChatCompletionAssistantMessageParam: TypeAlias = dict[str, Any]
ChatCompletionToolMessageParam: TypeAlias = dict[str, Any]
ChatCompletionFunctionMessageParam: TypeAlias = dict[str, Any]
ChatCompletionContentPartParam: TypeAlias = dict[str, Any]
ChatCompletionContentPartTextParam: TypeAlias = dict[str, Any]
ChatCompletionContentPartImageParam: TypeAlias = dict[str, Any]
ChatCompletionContentPartInputAudioParam: TypeAlias = dict[str, Any]
ChatCompletionMessageToolCallParam: TypeAlias = dict[str, Any]
ChatCompletionMessageFunctionToolCallParam: TypeAlias = dict[str, Any]
ChatCompletionToolParam: TypeAlias = dict[str, Any]
ChatCompletionFunctionToolParam: TypeAlias = dict[str, Any]
ChatCompletionToolUnionParam: TypeAlias = dict[str, Any]
ChatCompletionNamedToolChoiceParam: TypeAlias = dict[str, Any]
ChatCompletionToolChoiceOptionParam: TypeAlias = str | dict[str, Any]
ChatCompletionStreamOptionsParam: TypeAlias = dict[str, Any]
ChatCompletionPredictionContentParam: TypeAlias = dict[str, Any]
ChatCompletionModality: TypeAlias = str
ChatCompletionReasoningEffort: TypeAlias = str | None
ChatCompletionRole: TypeAlias = str

register(__name__, globals())
_BODIES = ("", "Base", "NonStreaming", "Streaming")
add(
    __name__,
    "completion_create_params",
    {
        **{f"CompletionCreateParams{kind}": dict[str, Any] for kind in _BODIES},
        **dict.fromkeys(("Function", "FunctionCall", "ResponseFormat"), dict[str, Any]),
    },
)


def __getattr__(name: str) -> Any:
    if name.endswith("Param"):
        return dict[str, Any]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
