"""The reason of a refusal, out of whatever it is wrapped in.

Error bodies have no standard, and gateways wrap those of the services behind
them once more: as an object, as JSON in a string, as a Python object's text.
The shapes read here, each with who sends it:

* ``{"error": {"message", "type", "code"}}``: OpenAI and all that speak its
  protocol; Anthropic; Gemini (``status``, ``details``); Azure (``innererror``);
* ``{"error": "text"}``, ``{"code", "error": "text"}``: Ollama, xAI, Hugging Face;
* ``{"detail": "text" | [{"loc", "msg"}] | {...}}``: FastAPI, so llama-cpp-python,
  Mistral; ``{"title", "detail", "status"}``: RFC 9457;
* ``{"errors": [{"message", "code"}]}``: Cloudflare, GraphQL, JSON:API;
* ``{"message"}``, ``{"msg"}``, ``{"Message", "__type"}``: Cohere, AWS;
  ``{"error", "error_description"}``: OAuth; ``{"error_code", "error_msg"}``: Baidu;
  ``{"base_resp": {"status_code", "status_msg"}}``: MiniMax;
* ``error.metadata.raw`` with ``provider_name``: OpenRouter, whose own message is
  only "Provider returned error";
* a message with such a body in it: ``litellm.BadRequestError: OpenAIException -
  {"error": ...}``, ``Error code: 400 - {'error': ...}``;
* HTML and XML pages, and plain text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MESSAGE_CHARS = 1000  # of a message a server wrote as one; Gemini's longest have 450
TEXT_CHARS = 300  # of a body that is shown for want of a message
_MAX_DEPTH = 12  # bodies within bodies

_MESSAGES = (
    *("message", "msg", "error_description", "error_message", "errormessage", "error_msg"),
    *("status_msg", "detail", "error", "description", "title"),
)
_INNER = ("error", "errors", "detail", "message", "base_resp")
_CODES = ("code", "error_code", "errorcode", "status_code", "statuscode")
_TYPES = ("type", "error_type", "__type", "status")
# What says only that this is an error, or where its kind is documented.
_NO_CODE = re.compile(r"error|list|object|failure|failed|fail|about:blank|https?:.*", re.I | re.S)
_FAILED = ("error", "failed", "failure", "fail")
_FINE = ("", "200", "ok", "success", "succeeded", "none")
_WORD = re.compile(r"[A-Za-z_][\w.:-]*")
_PAGE_WORDS = re.compile(
    r"<(?:title|message|h1)\b[^>]{0,100}>\s*([^<]{1,300}?)\s*</(?:title|message|h1)>", re.I
)
_XML_CODE = re.compile(r"<code>\s*([^<]{1,100}?)\s*</code>", re.IGNORECASE)
# A Python object's text: JSON but for its quotes.
_PYTHON = re.compile(
    r"""['"](message|code|type)\\?['"]:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""", re.S
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error body says.

    ``code`` is the server's own word as text, ``message`` its words for people
    (``""`` when it has none), ``number`` the HTTP status it tells, or 0.
    """

    code: str | None
    message: str
    number: int = 0


def read(text: str) -> Refusal:
    """What the error body *text* says; any text gives a refusal."""
    value = _parsed(text)
    if value is None:
        return _from_text(text)
    found = _reason(value, 0)
    message = found.message or (value if isinstance(value, str) else text)[:TEXT_CHARS]
    return replace(found, message=message[:MESSAGE_CHARS])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _from_text(text: str) -> Refusal:
    if text.startswith("<"):
        words, code = _PAGE_WORDS.search(text), _XML_CODE.search(text)
        message = " ".join(html.unescape(words[1]).split()) if words else ""
        return Refusal(code[1] if code else None, message)
    found = _unwrapped(text, 0)
    return replace(found, message=found.message[: MESSAGE_CHARS if found.code else TEXT_CHARS])


def _reason(value: Any, depth: int) -> Refusal:
    """What *value*, a part of an error body, says; the innermost words count."""
    if depth > _MAX_DEPTH:
        return Refusal(None, "")
    if isinstance(value, str):
        return _unwrapped(value, depth)
    if isinstance(value, list):
        return _of_list(value, depth)
    if isinstance(value, Mapping):
        return _of_object({str(name).lower(): each for name, each in value.items()}, depth)
    return Refusal(None, "" if value is None else str(value))


def is_failure(value: Mapping[str, Any]) -> bool:
    """Whether *value*, which is no piece of an answer, tells that it failed.

    ``{"code": 0, "message": "ok"}`` and the like do not.
    """
    if value.get("success") is False or any(value.get(name) in _FAILED for name in _TYPES):
        return True
    if value.get("object") == "error" or value.get("detail"):
        return True
    inner = value.get("base_resp")
    if isinstance(inner, Mapping) and inner.get("status_code"):
        return True
    words = [value[name] for name in _MESSAGES if isinstance(value.get(name), str)]
    if words and not any(word.lower() in _FINE for word in words):
        codes = [value[name] for name in _CODES if value.get(name) is not None]
        if any(str(code).strip("0") and str(code).lower() not in _FINE for code in codes):
            return True
    # Ollama 0.11 had its words in the name: "error parsing tool call".
    return any(str(name).lower().startswith("error") and value[name] for name in value)


def _of_list(values: list[Any], depth: int) -> Refusal:
    found = [_reason(each, depth + 1) for each in values[:10]]
    messages = dict.fromkeys(each.message for each in found if each.message)
    first = found[0] if found else Refusal(None, "")
    return replace(first, message="; ".join(messages))


def _of_object(fields: Mapping[str, Any], depth: int) -> Refusal:
    own = Refusal(_code(fields), "", _number(fields))
    if "msg" in fields and isinstance(fields.get("loc"), list):  # pydantic's, by FastAPI
        place = ".".join(map(str, fields["loc"]))
        return Refusal(None, f"{place}: {fields['msg']}" if place else str(fields["msg"]))
    for name in _INNER:
        if isinstance(fields.get(name), Mapping | list):
            inner = _reason(fields[name], depth + 1)
            own = _within(own, inner)
            if inner.message:
                return _upstream(fields, own, depth)
    message, name = _message(fields)
    found = _within(own, _unwrapped(message, depth + 1))
    error = fields.get("error")
    if found.code is None and name != "error" and isinstance(error, str) and _is_code(error):
        found = replace(found, code=error)
    return _upstream(fields, found, depth)


def _message(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The words for people, and the name of the field they stand in."""
    for name in _MESSAGES:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            title = fields.get("title")
            if name == "detail" and isinstance(title, str) and title:
                value = f"{title}: {value}"
            return value + "".join(_details(fields, value)), name
    for name in _MESSAGES:  # of another type, so shown as it came
        if fields.get(name) not in (None, "", [], {}):
            return json.dumps(fields[name], ensure_ascii=False), name
    return "", ""


def _details(fields: Mapping[str, Any], message: str) -> Iterator[str]:
    """What Google's ``details`` name, and Azure's, beyond the message."""
    details = fields.get("details")
    for each in details if isinstance(details, list) else ():
        if not isinstance(each, Mapping):
            continue
        violations = each.get("fieldViolations")
        for one in [*(violations if isinstance(violations, list) else ()), each]:
            if not isinstance(one, Mapping):
                continue
            words = one.get("description") or one.get("message")
            if isinstance(words, str) and words and words not in message:
                field = one.get("field")
                yield f" ({field}: {words})" if field else f" ({words})"
    inner = fields.get("innererror")
    words = inner.get("message") if isinstance(inner, Mapping) else None
    if isinstance(words, str) and words and words not in message:
        yield f" ({words})"


def _upstream(fields: Mapping[str, Any], own: Refusal, depth: int) -> Refusal:
    """*own* with the words of the service behind a router, where the router hands them on."""
    metadata = fields.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("raw"):
        return own
    inner = _reason(metadata["raw"], depth + 1)
    words = inner.message or str(metadata["raw"])[:TEXT_CHARS]
    name = metadata.get("provider_name")
    who = f" ({name})" if isinstance(name, str) and name else ""
    if words in own.message:
        return _within(own, replace(inner, message=own.message))
    return _within(own, replace(inner, message=f"{own.message}{who}: {words}".lstrip(": ")))


def _within(outer: Refusal, inner: Refusal) -> Refusal:
    """*inner*, and of what it is wrapped in what it does not say itself."""
    code = inner.code
    if code is None or (code.isdecimal() and outer.code and not outer.code.isdecimal()):
        code = outer.code
    return Refusal(code, inner.message or outer.message, inner.number or outer.number)


def _unwrapped(text: str, depth: int) -> Refusal:
    """*text*, an error body inside it replaced by what that says."""
    start = text.find("{")
    if start < 0 or depth > _MAX_DEPTH:
        return Refusal(None, text)
    before = re.sub(r"(?:\bb)?['\"]?$", "", text[:start])
    if before.rstrip().endswith(("data:", "[")):
        before = ""
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return _from_python(text, start, before)
    if isinstance(value, Mapping) and _is_envelope(value):
        inner = _reason(value, depth + 1)
        if inner.message:
            return replace(inner, message=before + inner.message)
    return Refusal(None, text)


def _from_python(text: str, start: int, before: str) -> Refusal:
    """The same for an object as Python writes it, or one that was cut."""
    # Only of an error: a message may also repeat what the caller has sent.
    if not re.match(r"\{\s*['\"](error|message|detail|object|type)\b", text[start:]):
        return Refusal(None, text)
    fields: dict[str, str] = {}
    for name, single, double in _PYTHON.findall(text[start:]):
        fields.setdefault(name, single or double)
    if len(fields) < 2 and "error" not in text[start : start + 12]:
        return Refusal(None, text)
    message = re.sub(r"\\+(['\"])", r"\1", fields.get("message", ""))
    message = re.sub(r"(\\+n)+", " ", message)
    if not message:
        return Refusal(None, text)
    return Refusal(fields.get("code") or fields.get("type"), before + message)


def _is_envelope(value: Mapping[str, Any]) -> bool:
    if isinstance(value.get("error"), Mapping | str) or isinstance(value.get("errors"), list):
        return True
    has_message = any(isinstance(value.get(name), str) for name in ("message", "detail", "msg"))
    return has_message and any(name in value for name in ("code", "type", "status", "object"))


def _is_code(text: str) -> bool:
    return bool(_WORD.fullmatch(text)) and not _NO_CODE.fullmatch(text)


def _code(fields: Mapping[str, Any]) -> str | None:
    code = next((fields[name] for name in _CODES if fields.get(name) is not None), None)
    if isinstance(code, Mapping | list):
        code = None
    if code is None or isinstance(code, int):
        for name in _TYPES:
            word = fields.get(name)
            if isinstance(word, str) and word and not _NO_CODE.fullmatch(word):
                return word.rpartition("#")[2]
    return None if code is None or code == "" else str(code)


def _number(fields: Mapping[str, Any]) -> int:
    for name in (*_CODES, "status", "http_code", "http_status"):
        if re.fullmatch("[1-5][0-9]{2}", str(fields.get(name))):
            return int(fields[name])
    return 0
