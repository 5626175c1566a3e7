"""What Gemini's ``generateContent`` accepts: fields, contents, parts, tools.

Facts from python-genai's types (Aug 2026) and ai.google.dev; field names in
camelCase only.
"""

from __future__ import annotations

import json
from typing import Any

from .checks import Wrong, check_object
from .exchange import Exchange
from .model import decode_image
from .replies import Messages

FIELDS = {"contents": "array"}
OPTIONAL = {
    "systemInstruction": "object",
    "generationConfig": "object",
    "safetySettings": "array",
    "tools": "array",
    "toolConfig": "object",
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
    "responseJsonSchema": "object",
    "thinkingConfig": "object",
}
#: Members that say what a part is.
PARTS = {
    "text": "string",
    "inlineData": "object",
    "fileData": "object",
    "functionCall": "object",
    "functionResponse": "object",
}
#: Members that may stand beside them.
BESIDE = {"thought": "boolean", "thoughtSignature": "string"}


def read_contents(exchange: Exchange, contents: list[Any]) -> Messages:
    """The contents as role and text, or :class:`Wrong`.

    A function's response has the role ``tool``.
    """
    if not contents:
        raise Wrong(400, "contents: must not be empty")
    read: Messages = []
    for number, content in enumerate(contents):
        where = f"contents[{number}]"
        check_object(content, {"parts": "array"}, {"role": "string"}, where=where)
        role = content.get("role", "user")
        if role not in ("user", "model"):
            raise Wrong(400, f"{where}.role: Please use a valid role: user, model.")
        text, results = read_parts(exchange, content["parts"], where)
        read += [{"role": "tool", "content": result} for result in results]
        if text or not results:
            read.append({"role": "user" if role == "user" else "assistant", "content": text})
    if contents[-1].get("role", "user") != "user":
        raise Wrong(400, "contents: the last one must be the user's")
    return read


def read_parts(exchange: Exchange, parts: list[Any], where: str) -> tuple[str, list[str]]:
    """The text of the parts, and the responses of functions as JSON, or :class:`Wrong`."""
    if not parts:
        raise Wrong(400, f"{where}.parts: must not be empty")
    texts, results = [], []
    for number, part in enumerate(parts):
        place = f"{where}.parts[{number}]"
        check_object(part, {}, {**PARTS, **BESIDE}, where=place)
        kinds = sorted(PARTS.keys() & part.keys())
        if len(kinds) != 1:
            raise Wrong(400, f"{place}: expected one of {', '.join(PARTS)}, got {kinds}")
        if kinds == ["text"] and not part.get("thought"):
            texts.append(part["text"])
        elif kinds == ["inlineData"]:
            wanted = {"mimeType": "text", "data": "text"}
            check_object(part["inlineData"], wanted, where=f"{place}.inlineData")
            decode_image(exchange, part["inlineData"]["data"], f"{place}.inlineData.data")
        elif kinds == ["functionCall"]:
            optional = {"args": "object", "id": "string"}
            where_call = f"{place}.functionCall"
            check_object(part["functionCall"], {"name": "text"}, optional, where=where_call)
        elif kinds == ["functionResponse"]:
            wanted = {"name": "text", "response": "object"}
            where_call = f"{place}.functionResponse"
            check_object(part["functionResponse"], wanted, {"id": "string"}, where=where_call)
            response = part["functionResponse"]["response"]
            results.append(json.dumps(response, ensure_ascii=False))
    return "".join(texts), results


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the functions, or :class:`Wrong`."""
    read = {}
    for number, tool in enumerate(tools):
        where = f"tools[{number}]"
        check_object(tool, {"functionDeclarations": "array"}, where=where)
        for place, function in enumerate(tool["functionDeclarations"]):
            optional = {
                "description": "string",
                "parameters": "object",
                "parametersJsonSchema": "object",
            }
            where_function = f"{where}.functionDeclarations[{place}]"
            check_object(function, {"name": "text"}, optional, where=where_function)
            schema = function.get("parameters") or function.get("parametersJsonSchema") or {}
            read[function["name"]] = schema
    return read
