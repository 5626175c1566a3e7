"""Names that programs import from ``openai.types.shared``: mappings and texts of a request."""

from typing import Any, TypeAlias

from .submodules import register

ChatModel: TypeAlias = str
ComparisonFilter: TypeAlias = dict[str, Any]
CompoundFilter: TypeAlias = dict[str, Any]
CustomToolInputFormat: TypeAlias = dict[str, Any]
FunctionDefinition: TypeAlias = dict[str, Any]
FunctionParameters: TypeAlias = dict[str, object]
Metadata: TypeAlias = dict[str, str]
Reasoning: TypeAlias = dict[str, Any]
ReasoningEffort: TypeAlias = str | None
ResponseFormatJSONObject: TypeAlias = dict[str, Any]
ResponseFormatJSONSchema: TypeAlias = dict[str, Any]
ResponseFormatText: TypeAlias = dict[str, Any]
ResponsesModel: TypeAlias = str

register(__name__, globals())
