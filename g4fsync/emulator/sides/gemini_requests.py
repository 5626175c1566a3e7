"""What Gemini's ``generateContent`` accepts: fields, contents, parts, tools.

Facts from python-genai's types (Aug 2026, and 3.6.1, Nov 2026) and ai.google.dev; from its page
on thought signatures: Gemini 3 models want them back on the function calls of the current
turn.

Guess: roles ``tool`` and ``function`` are refused (that the service takes them is not known).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from ..checks import Wrong, check_object
from ..exchange import Exchange
from ..model import ANY_OBJECT, decode_image
from ..replies import Messages
from ..schema_checks import check_gemini
from .gemini_fields import BESIDE, CALLING, FUNCTION, PARTS, RESPONSE, TOOL, TOOL_CONFIG

#: What the pretend model puts on its calls, and what the service's guide allows in its place.
SIGNATURE = base64.b64encode(b"emulator signature").decode()
_SIGNATURES = {
    b"emulator signature",
    b"skip_thought_signature_validator",
    b"context_engineering_is_the_way_to_go",
}


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
        elif kinds == ["functionResponse"]:
            results.append(_read_response(part["functionResponse"], f"{place}.functionResponse"))
        else:
            _check_part(exchange, part, kinds[0], f"{place}.{kinds[0]}")
    return "".join(texts), results


def _check_part(exchange: Exchange, part: Mapping[str, Any], kind: str, where: str) -> None:
    if kind == "inlineData":
        wanted = {"mimeType": "text", "data": "text"}
        check_object(part[kind], wanted, {"displayName": "string"}, where=where)
        data = part[kind]["data"].translate(str.maketrans("-_", "+/"))
        decode_image(exchange, data + "=" * (-len(data) % 4), f"{where}.data")
    elif kind == "fileData":
        optional = {"mimeType": "string", "displayName": "string"}
        check_object(part[kind], {"fileUri": "text"}, optional, where=where)
    elif kind == "functionCall":
        check_object(part[kind], {"name": "text"}, {"args": "object", "id": "string"}, where=where)


def _read_response(response: Any, where: str) -> str:
    check_object(response, {"name": "text", "response": "object"}, RESPONSE, where=where)
    return json.dumps(response["response"], ensure_ascii=False)


def check_signatures(contents: list[Any]) -> None:
    """Gemini 3: the first function call of each step of this turn brings its signature along."""
    begin = 0
    for number, content in enumerate(contents):
        texts = any("text" in part for part in content["parts"])
        if content.get("role", "user") == "user" and texts:
            begin = number  # the user's last word begins the turn
    for content in contents[begin:]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if not calls:
            continue
        name, position = calls[0]["functionCall"]["name"], content["parts"].index(calls[0]) + 1
        if "thoughtSignature" not in calls[0]:
            raise Wrong(
                400,
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                "degraded model performance. Additional data, function call "
                f"`default_api:{name}` , position {position}.",
            )
        if _decoded(calls[0]["thoughtSignature"]) not in _SIGNATURES:
            raise Wrong(400, "Corrupted thought signature.")


def _decoded(signature: str) -> bytes:
    plain = signature.encode("ascii", "replace").translate(bytes.maketrans(b"-_", b"+/"))
    if plain in (word.replace(b"_", b"/") for word in _SIGNATURES):
        return plain.replace(b"/", b"_")  # the guide's words as they stand
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4))
    except ValueError:
        return b""


def read_tools(tools: list[Any]) -> dict[str, Any]:
    """Names and schemas of the functions, or :class:`Wrong`."""
    read: dict[str, Any] = {}
    for number, tool in enumerate(tools):
        where = f"tools[{number}]"
        wanted = {} if tool else {"functionDeclarations": "array"}
        check_object(tool, wanted, TOOL, where=where)
        for place, function in enumerate(tool.get("functionDeclarations", ())):
            read |= _read_function(function, f"{where}.functionDeclarations[{place}]")
    return read


def _read_function(function: Any, where: str) -> dict[str, Any]:
    check_object(function, {"name": "text"}, FUNCTION, where=where)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", function["name"]):
        raise Wrong(400, f"{where}.name: Invalid function name: {function['name']!r}")
    if "parameters" in function and "parametersJsonSchema" in function:
        raise Wrong(400, f"{where}: parameters and parametersJsonSchema exclude each other")
    if "parameters" in function:
        check_gemini(function["parameters"], f"{where}.parameters")
    schema = function.get("parameters") or function.get("parametersJsonSchema") or {}
    return {function["name"]: schema}


def chosen_tools(tools: dict[str, Any], config: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The tools that ``toolConfig`` leaves, and whether one has to be called."""
    check_object(config, {}, TOOL_CONFIG, where="toolConfig")
    where = "toolConfig.functionCallingConfig"
    calling = check_object(config.get("functionCallingConfig") or {}, {}, CALLING, where=where)
    mode = calling.get("mode", "AUTO").upper()
    if mode not in ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"):
        raise Wrong(400, f"{where}.mode: not known: {mode!r}")
    names = calling.get("allowedFunctionNames")
    if names and mode not in ("ANY", "VALIDATED"):
        raise Wrong(400, f"{where}.allowedFunctionNames: only allowed with mode ANY")
    for name in names or ():
        if name not in tools:
            raise Wrong(400, f"{where}.allowedFunctionNames: no such function: {name!r}")
    chosen = {name: tools[name] for name in names} if names else tools
    return ({} if mode == "NONE" else chosen), mode == "ANY"


def read_format(config: Mapping[str, Any]) -> Any:
    """The schema for the answer, or :class:`Wrong`; ``None`` for prose."""
    mime_type = config.get("responseMimeType", "text/plain")
    schema = config.get("responseSchema", config.get("responseJsonSchema"))
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise Wrong(400, "generationConfig: responseSchema and responseJsonSchema are both set")
    if "responseSchema" in config:
        check_gemini(config["responseSchema"], "generation_config.response_schema")
    if mime_type not in ("text/plain", "application/json", "text/x.enum"):
        raise Wrong(
            400,
            f"generationConfig.responseMimeType: allowed mimetypes are `text/plain`, "
            f"`application/json` and `text/x.enum`, got {mime_type!r}",
        )
    if mime_type == "text/plain":
        if schema is not None:
            raise Wrong(
                400,
                "generationConfig.responseMimeType: a response schema is set, so it has to be "
                "application/json or text/x.enum",
            )
        return None
    return ANY_OBJECT if schema is None else schema
