"""The members of Gemini's messages, in both spellings of proto JSON.

Facts from python-genai's types (Aug 2026, and 3.6.1, Nov 2026).  Names may be in
camelCase or as in the proto, with underscores; null means absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..schema_checks import GEMINI_FIELDS

FIELDS = {"contents": "array"}
OPTIONAL = {
    "model": "string",  # the message has it (generative_service.proto), the path counts
    "systemInstruction": "object",
    "generationConfig": "object",
    "safetySettings": "array",
    "tools": "array",
    "toolConfig": "object",
    "cachedContent": "string",
    "labels": "object",
    "serviceTier": "string",
    "store": "boolean",
    "continuationToken": "string",
}
CONFIG = {
    "temperature": "number",
    "topP": "number",
    "topK": "number",
    "maxOutputTokens": "positive",
    "stopSequences": "strings",
    "candidateCount": "positive",
    "seed": "integer",
    "presencePenalty": "number",
    "frequencyPenalty": "number",
    "responseMimeType": "string",
    "responseSchema": "object",
    "responseJsonSchema": "object or boolean",
    "responseFormat": "object",
    "responseLogprobs": "boolean",
    "logprobs": "integer",
    "responseModalities": "strings",
    "mediaResolution": "string",
    "speechConfig": "object",
    "imageConfig": "object",
    "thinkingConfig": "object",
    "enableEnhancedCivicAnswers": "boolean",
    "audioTranscriptionConfig": "object",
}
THINKING = {"includeThoughts": "boolean", "thinkingBudget": "integer", "thinkingLevel": "string"}
#: Members that say what a part is.
PARTS = {
    "text": "string",
    "inlineData": "object",
    "fileData": "object",
    "functionCall": "object",
    "functionResponse": "object",
    "executableCode": "object",
    "codeExecutionResult": "object",
}
#: Members that may stand beside them.
BESIDE = {
    "thought": "boolean",
    "thoughtSignature": "string",
    "videoMetadata": "object",
    "mediaResolution": "object",
    "partMetadata": "object",
}
#: Tools of the service's own, which the pretend model never calls.
SERVICE_TOOLS = (
    "googleSearch",
    "googleSearchRetrieval",
    "googleMaps",
    "codeExecution",
    "urlContext",
    "computerUse",
    "fileSearch",
)
#: Members whose value is the user's own JSON, with names that mean nothing to the API.
_OPAQUE = frozenset(
    (
        "args",
        "response",
        "parametersJsonSchema",
        "responseJsonSchema",
        "labels",
        "partMetadata",
        "default",
        "example",
    )
)
RESPONSE = {
    "id": "string",
    "parts": "array",
    "willContinue": "boolean",
    "scheduling": "string",
}
FUNCTION = {
    "description": "string",
    "parameters": "object",
    "parametersJsonSchema": "anything",
    "response": "object",
    "responseJsonSchema": "anything",
    "behavior": "string",
}
TOOL = {"functionDeclarations": "array", **dict.fromkeys(SERVICE_TOOLS, "object")}
TOOL_CONFIG = {
    "functionCallingConfig": "object",
    "retrievalConfig": "object",
    "includeServerSideToolInvocations": "boolean",
}
CALLING = {"mode": "string", "allowedFunctionNames": "strings"}
DATA = {"mimeType": "text", "displayName": "string", "fileUri": "text"}
#: Name as in the proto -> name in camelCase, where they differ.
_CAMEL_CASE: Mapping[str, str] = {
    re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name): name
    for names in (
        *(OPTIONAL, CONFIG, THINKING, PARTS, BESIDE, GEMINI_FIELDS, RESPONSE, FUNCTION),
        *(TOOL, TOOL_CONFIG, CALLING, DATA, ("generateContentRequest",)),
    )
    for name in names
}


def camel_case(value: Any) -> Any:
    """A message of the API with all its names in camelCase, and without nulls."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed: dict[str, Any] = {}
    for name, item in value.items():
        camel = _CAMEL_CASE.get(name, name)
        if item is None:
            continue
        if camel in _OPAQUE:
            renamed[camel] = item
        elif camel == "properties" and isinstance(item, dict):
            renamed[camel] = {key: camel_case(member) for key, member in item.items()}
        else:
            renamed[camel] = camel_case(item)
    return renamed
