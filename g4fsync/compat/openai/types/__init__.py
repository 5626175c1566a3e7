"""Names that programs import from ``openai.types``."""

from . import shared as shared, shared_params as shared_params
from .completion_usage import CompletionUsage as CompletionUsage
from .model import Model as Model
from .shared import (
    ChatModel as ChatModel,
    FunctionDefinition as FunctionDefinition,
    FunctionParameters as FunctionParameters,
    Metadata as Metadata,
    Reasoning as Reasoning,
    ReasoningEffort as ReasoningEffort,
    ResponseFormatJSONObject as ResponseFormatJSONObject,
    ResponseFormatJSONSchema as ResponseFormatJSONSchema,
    ResponseFormatText as ResponseFormatText,
    ResponsesModel as ResponsesModel,
)
from .submodules import register

register(__name__, globals())
