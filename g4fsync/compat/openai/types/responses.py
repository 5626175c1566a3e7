"""Names that programs import from ``openai.types.responses``.

What a request is made of are mappings, so the names that end in ``Param`` stand for those.
"""

from typing import Any, TypeAlias

from . import response_events
from .parsed_response import (
    ParsedResponse as ParsedResponse,
    ParsedResponseFunctionToolCall as ParsedResponseFunctionToolCall,
    ParsedResponseOutputMessage as ParsedResponseOutputMessage,
    ParsedResponseOutputText as ParsedResponseOutputText,
)
from .response_items import (
    Response as Response,
    ResponseCustomToolCall as ResponseCustomToolCall,
    ResponseError as ResponseError,
    ResponseFunctionToolCall as ResponseFunctionToolCall,
    ResponseOutputMessage as ResponseOutputMessage,
    ResponseOutputRefusal as ResponseOutputRefusal,
    ResponseOutputText as ResponseOutputText,
    ResponseReasoningItem as ResponseReasoningItem,
    ResponseUsage as ResponseUsage,
)
from .submodules import add, register

ResponseInputParam: TypeAlias = list[Any]
ResponseInputItemParam: TypeAlias = dict[str, Any]
ResponseOutputItem: TypeAlias = Any
ToolParam: TypeAlias = dict[str, Any]
FunctionToolParam: TypeAlias = dict[str, Any]

register(__name__, {**globals(), **response_events.BY_NAME})
add(__name__, "response_input_item_param", {"FunctionCallOutput": dict[str, Any]})


def __getattr__(name: str) -> Any:
    if name.endswith("Event"):
        return getattr(response_events, name)
    if name.endswith("Param"):
        return dict[str, Any]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
