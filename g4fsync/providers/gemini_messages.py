"""A conversation as ``systemInstruction`` and ``contents`` of Gemini's API.

Parts in Gemini's own shape (``inlineData``, ``fileData``, ``executableCode``,
...; camelCase or snake_case, which proto JSON both takes) go out as they are, and
a text or an image may have a part's other members (``thoughtSignature``,
``mediaResolution``, ``videoMetadata``, ...).  OpenAI's ``input_audio``, ``file``
with its data, and ``video_url`` become data or a file's URI.  All else is
refused, named by its place.

Signatures are sent back on the call or the text they came with.  Since Gemini 3
a call of the model's is refused when it comes back without the signature it
had; the value that Google names for calls of other models
(ai.google.dev/gemini-api/docs/thought-signatures) stands in where no call of a
turn has one: a model signs only the first of several.

Members of a part are those of python-genai 3.6.1 (``types.Part``, Nov 2026).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import InvalidRequest
from ..events import ProviderData, ToolCall
from ..messages import ChatRequest, Image, Message, Part
from . import chatapi, sending

NO_SIGNATURE = "skip_thought_signature_validator"
_SYSTEM = ("system", "developer")
_ADVICE = "write text, an Image, or a part in Gemini's own shape"


def _both_spellings(names: str) -> frozenset[str]:
    """camelCase *names*, and the same in snake_case."""
    found = names.split()
    return frozenset(found + [re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", n) for n in found])


_BESIDE = _both_spellings(
    "thought thoughtSignature mediaResolution videoMetadata partMetadata mediaProcessing"
    " audioTranscription speechMetadata documentMetadata spreadsheetMetadata audioMetadata"
)
_PART = _BESIDE | _both_spellings(
    "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult"
    " toolCall toolResponse"
)
_RESULT = _both_spellings("willContinue scheduling parts")
_CALL = frozenset({"extra_content", "index"}) | _both_spellings("thoughtSignature")


def is_before_3(model: str) -> bool:
    """Whether *model* is of a family that knows no signatures as a duty, nor thinking levels."""
    return re.search(r"gemini-[12]\b", model) is not None


def system_parts(messages: Iterable[Message], provider: str) -> list[dict[str, Any]]:
    """The parts of ``systemInstruction``: texts only."""
    parts = []
    for i, message in enumerate(messages):
        if message.role not in _SYSTEM:
            continue
        where = f"messages[{i}]"
        _refuse_members(where, message, provider)
        texts = [part for part in message.parts if not isinstance(part, str)]
        if any(not isinstance(part, Part) or part.type != "text" for part in texts):
            raise InvalidRequest(f"{where}: {provider} takes only text as system text")
        if texts:
            parts += [
                _part(f"{where}.content[{j}]", part, provider)
                for j, part in enumerate(message.parts)
            ]
        elif message.content:
            parts.append({"text": message.content})
    return parts


def contents(request: ChatRequest, provider: str) -> list[dict[str, Any]]:
    """The conversation without its system text, turns of one role put together."""
    merged: list[dict[str, Any]] = []
    for i, message in enumerate(request.messages):
        if message.role in _SYSTEM:
            continue
        role = "model" if message.role == "assistant" else "user"
        where = f"messages[{i}]"
        if message.role == "tool":
            parts = [{"functionResponse": _result(where, message, request, provider)}]
        else:
            _refuse_members(where, message, provider)
            parts = _parts(where, message, request, provider)
        if merged and merged[-1]["role"] == role:
            merged[-1]["parts"] += parts
        elif parts:
            merged.append({"role": role, "parts": parts})
    if not merged:
        raise InvalidRequest(f"{provider}: there must be a message besides the system's")
    return merged


def _refuse_members(where: str, message: Message, provider: str) -> None:
    sending.known_members(where, message.extra, (), provider)
    if message.name:
        raise sending.has_no(where, provider, "name")


def _parts(
    where: str, message: Message, request: ChatRequest, provider: str
) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    counts = {Part: 0, ToolCall: 0}
    for piece in sending.pieces(message, provider):
        match piece:
            case ProviderData():
                if piece.kind == "part":
                    _put_back(parts, dict(piece.data))
            case ToolCall():
                parts.append(_call(f"{where}.tool_calls[{counts[ToolCall]}]", piece, provider))
                counts[ToolCall] += 1
            case _:
                if piece != "":
                    parts.append(_part(f"{where}.content[{counts[Part]}]", piece, provider))
                counts[Part] += 1
    calls = [part for part in parts if "functionCall" in part]
    if not is_before_3(request.model) and not any("thoughtSignature" in each for each in calls):
        for each in calls:
            each["thoughtSignature"] = NO_SIGNATURE
    return parts


def _put_back(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """Put a *part* of an answer where it was; the text of a signed one stands there already."""
    text = "" if part.get("thought") else part.get("text", "")
    if text:
        before = parts.pop()["text"] if parts and parts[-1].keys() == {"text"} else ""
        if not before.endswith(text):  # the caller has written another
            parts.append({"text": before})
            return
        if before != text:
            parts.append({"text": before.removesuffix(text)})
    parts.append(part)


def _part(where: str, part: str | Image | Part, provider: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    if isinstance(part, Image):
        if part.detail is not None:
            raise sending.has_no(where, provider, "detail")
        beside = sending.known_members(where, part.extra, _BESIDE, provider)
        if part.url is not None:
            return {"fileData": {"fileUri": part.url}, **beside}
        return {**_inline(part.media_type, chatapi.encoded(part)), **beside}
    if part.type == "text":
        return {"text": part.text, **sending.known_members(where, part.extra, _BESIDE, provider)}
    if not part.type:
        return sending.known_members(where, part.extra, _PART, provider)
    given = part.extra.get(part.type)
    found = _media(part.type, given) if isinstance(given, Mapping) else None
    if found is None:
        raise sending.has_no_part(where, provider, part, _ADVICE)
    extra = {name: value for name, value in part.extra.items() if name != part.type}
    return {**found, **sending.known_members(where, extra, _BESIDE, provider)}


def _inline(media_type: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _media(kind: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's audio, file, or what hosts of its protocol call ``video_url``."""
    if kind == "input_audio" and given.keys() == {"data", "format"}:
        return _inline(f"audio/{given['format']}", given["data"])
    name = {"file": "file_data", "video_url": "url"}.get(kind)
    if name is None or not given.keys() <= {name, "filename"}:
        return None
    data = sending.from_data_url(given.get(name))
    if data is not None:
        value = _inline(*data)
        if given.get("filename"):
            value["inlineData"]["displayName"] = given["filename"]
        return value
    url = given.get(name)
    is_url = isinstance(url, str) and url.startswith(("https://", "http://", "gs://"))
    return {"fileData": {"fileUri": url}} if is_url else None


def _call(where: str, call: ToolCall, provider: str) -> dict[str, Any]:
    extra = sending.known_members(where, call.extra, _CALL, provider)
    own = sending.own_data(call, provider, "call")
    signature = extra.get("thoughtSignature") or extra.get("thought_signature")
    signature = signature or _signature_in(where, extra.get("extra_content"), provider)
    signature = signature or own.get("thoughtSignature")
    value: dict[str, Any] = {"name": call.name, "args": chatapi.arguments(call)}
    if own.get("id"):
        value["id"] = own["id"]
    part: dict[str, Any] = {"functionCall": value}
    return {**part, "thoughtSignature": signature} if signature else part


def _signature_in(where: str, content: Any, provider: str) -> Any:
    """The signature in ``extra_content``, where Google's OpenAI-compatible face has it."""
    google = content.get("google") if isinstance(content, Mapping) else None
    if not content or (isinstance(google, Mapping) and google.keys() == {"thought_signature"}):
        return google["thought_signature"] if google else None
    raise sending.has_no(where, provider, "extra_content")


def _result(where: str, message: Message, request: ChatRequest, provider: str) -> dict[str, Any]:
    extra = sending.known_members(where, message.extra, _RESULT, provider)
    try:
        value = json.loads(message.content)
    except ValueError:
        value = message.content
    name = chatapi.tool_name(request.messages, message)
    result: dict[str, Any] = {"name": name}
    id = next(_own_ids(message, request, provider), None)
    if id:
        result["id"] = id
    result["response"] = value if isinstance(value, dict) else {"result": value}
    media = [
        _part(f"{where}.content[{i}]", part, provider)
        for i, part in enumerate(message.parts)
        if not isinstance(part, str) and not (isinstance(part, Part) and part.type == "text")
    ]
    for i, part in enumerate(message.parts):
        if isinstance(part, Part) and part.type == "text":
            sending.known_members(f"{where}.content[{i}]", part.extra, (), provider)
    return {**result, **({"parts": media} if media else {}), **extra}


def _own_ids(message: Message, request: ChatRequest, provider: str) -> Iterator[Any]:
    """The id that Gemini itself gave the call whose result *message* is."""
    for each in request.messages:
        for call in each.tool_calls:
            if call.id == message.tool_call_id:
                yield sending.own_data(call, provider, "call").get("id")
