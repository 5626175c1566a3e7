"""Names that programs import from ``openai.types.shared_params``; see :mod:`.shared`."""

from .shared import (
    ChatModel as ChatModel,
    ComparisonFilter as ComparisonFilter,
    CompoundFilter as CompoundFilter,
    CustomToolInputFormat as CustomToolInputFormat,
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
