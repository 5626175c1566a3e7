"""What a server says when it refuses: statuses, error bodies, challenge pages.

Which statuses are worth a retry is what the vendors' own SDKs do (openai 3.3,
anthropic 0.121, groq; August 2026).  How bodies are read stands in
:mod:`.envelopes`, the waits they ask for in :mod:`.waits`.  Words and codes
were seen in recorded answers of the services (2024 to 2026), on llama.cpp,
llama-cpp-python, LiteLLM and g4f, and in the sources of vLLM, SGLang, Ollama,
LocalAI, TGI and the SDKs.

A class is decided by what is sure: a code or a sentence that says that the key
is wrong does so whatever the status, and a 403 whose words speak of content, a
region, a model or credits is none of the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import (
    AuthenticationError,
    CaptchaRequired,
    ConnectionFailed,
    ContentFiltered,
    G4FSyncError,
    ProviderError,
    RateLimited,
    ServerError,
)
from ..ratelimits import RateLimits
from ..urls import parsed
from . import envelopes, ratelimits
from .envelopes import TEXT_CHARS, Refusal
from .waits import in_body, retry_after

__all__ = ["TOO_LONG", "from_answer", "from_page", "in_band", "is_page", "retry_after"]

_RETRIED = frozenset({408, 429, 500, 502, 503, 504, *range(520, 525), 529})
_CHALLENGE = re.compile(
    r"<title>Just a moment|cf-please-wait|challenge-platform|cf-challenge|cf_chl_"
    r"|Attention Required! \| Cloudflare|captcha|ddos-guard",
    re.IGNORECASE,
)
# As codes and quota ids spell them: the texts of passing limits speak of billing too.
_NO_USE = re.compile(
    r"insufficient_quota|credit_balance|billing_|spend_limit|quota_exceeded|PerDay", re.IGNORECASE
)
# However it is said, and whatever else the code is: each vendor has words of its own.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|ContextWindowExceeded|too_many_prompt_tokens"
    r"|max_prompt_tokens_exceeded|tokens_limit_reached|context_window_exceeded|prompt_too_long"
    r"|maximum (context|model|prompt) length|max(imum)? context length|max_seq_len"
    r"|(prompt|input|messages?|conversation) (length )?(is |are )?too long|too large for model with"
    r"|input token count .{0,30}exceeds|prompt token count .{0,30}exceeds"
    r"|(exceeds?|exceeded|larger than|longer than|greater than) (the |this |its )?"
    r"(available |model'?s? |maximum )*(allowed )?(context|token limit)"
    r"|context (window|length|size|limit)( limit)?( is| was)?( been)? (exceed|overflow)"
    r"|exceeds? (the |this )?(model )?context|tokens? exceeds? context limit"
    r"|model loaded with context length of|loaded with (a )?context length of only"
    r"|reached context length of|context the overflows"
    r"|too many (input )?tokens|number of tokens in the prompt cannot exceed"
    r"|request body too large for .{1,60} model|exceeded model token limit"
    r"|prompt exceeds max (length|tokens)|range of input length should be"
    r"|`inputs` (tokens|must have less than)|inputs must have less than"
    r"|expected maxLength: [0-9]+, actual|total length of all messages is too long"
    r"|reduce the length of (the messages|your prompt|the prompt)",
    re.IGNORECASE,
)
TOO_LONG = "context_length_exceeded"
_KEY_CODES = (
    r"authentication_error|invalid_api_key|invalid_?authentication(_error)?|UNAUTHENTICATED"
    r"|API_KEY_[A-Z_]+|InvalidApiKey|wrong_api_key|no_db_connection|token_not_found_in_db"
    r"|auth_error|expired_key|invalid_token|expired_token|AuthenticationError"
    r"|UnrecognizedClientException|InvalidSignatureException|InvalidClientTokenId|ExpiredToken"
    r"|CREDENTIALS_MISSING|ACCESS_TOKEN_[A-Z_]+"
)
# As the value of a field anywhere in a body: what a caller sent comes back with its quotes escaped.
_KEY_FIELD = re.compile(rf'"({_KEY_CODES})"')
_KEY_CODE = re.compile(rf"({_KEY_CODES}|permission_error|PERMISSION_DENIED)")
_KEY_WORDS = re.compile(
    r"\b(incorrect|invalid|wrong|missing|unknown|expired|revoked|no|bad) (x-|proxy )?"
    r"(api|subscription)[ _-]?keys?\b(?! (name|field|type))"
    r"|(?<!['\"`])\bapi[ _-]?key\b(?!['\"`]).{0,60}?"
    r"\b(not valid|invalid|incorrect|missing|expired|not found|revoked|disabled"
    r"|not provided|required|leaked|deactivated|not recogni[sz]ed|suspended)\b"
    r"|didn't provide an api key|(pass|provide|supply) (a |an |your )?(valid )?api[ _-]?key"
    r"|no auth credentials|authentication (fails|failed|failure|error)\b|not authenticated"
    r"|\b(access|auth|bearer|authentication|authorization) (token|header|credentials?)\b.{0,30}?"
    r"\b(invalid|expired|missing|malformed|revoked|required)\b"
    r"|\b(invalid|missing|expired) (access|auth|bearer|authentication|authorization|proxy server)"
    r"[ _-]?(token|header|credentials?)|security token included in the request is (invalid|expired)"
    r"|virtual key expected",
    re.IGNORECASE,
)
# A 403 for these is none of the key.
_NOT_ALLOWED = re.compile(
    r"unsupported_country|country, region,? or territory"
    r"|(country|region|location) (is )?not (supported|available|allowed)"
    r"|not (supported|available|allowed|offered|accessible) in (your|this|the) "
    r"(current )?(country|region|location|territory)|geo-?(block|restrict)"
    r"|model_not_(found|allowed|available)|key_model_access_denied|model_permission|model_blocked"
    r"|\b(access|permission) to (the |this |use |access )*(requested )?models?\b"
    r"|\bmodels? .{0,120}?(is |are )?not (allowed|available|permitted|enabled|supported|accessible)"
    r"|not (allowed|permitted|authorized|enabled) to (access|use|call|sample from) (the |this )?"
    r"model"
    r"|\bmodel .{0,80}?\b(is |has been )(blocked|gated|restricted)|gated (repo|model)"
    r"|access to model .{0,80}denied|insufficient_(user_)?(quota|balance|credits?)"
    r"|insufficient (account )?(balance|credits?|quota|funds)"
    r"|(balance|credits?) (is |are )?(insufficient|not enough|exhausted|too low)"
    r"|doesn't have any credits|out of credits",
    re.IGNORECASE,
)
_FILTER_CODE = re.compile(
    r"content_filter(ed)?|(image_)?content_policy(_violation)?|bio_policy|(content_)?moderation(_blocked|_error)?"
    r"|ResponsibleAIPolicyViolation|data_?inspection_?failed|sensitive_words_detected"
    r"|prompt_blocked|SAFETY",
    re.IGNORECASE,
)
_FILTER_WORDS = re.compile(
    r"content management policy|content violates|violates? (our |the |its )?(usage|content|safety)"
    r" (guidelines|polic)|input was flagged|flagged (for|as|by) .{0,40}(moderation|content|safety"
    r"|violence|sexual|hate|harm)|result of our safety system|content (was |is )?blocked by",
    re.IGNORECASE,
)
_THEIR_FAULT = re.compile("overloaded|server_error|api_error|timeout_error|unavailable", re.I)
_LIMIT = re.compile(r"rate.?limit|RESOURCE_EXHAUSTED|too_many_requests|throttl", re.IGNORECASE)
# Forward proxies that answer for a server they did not reach, by a header or their name.
_PROXY = re.compile(r"\b(squid|tinyproxy|privoxy|mitmproxy|zscaler|polipo)\b", re.IGNORECASE)


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> G4FSyncError:
    """Our error for an answer that is not the one asked for.

    *headers* must be looked up without case; *body* may be cut.
    """
    if status == 407:  # no server but a proxy has this status
        return ConnectionFailed(
            "the proxy wants a user and password, or refuses those it got: HTTP 407",
            retryable=False,
        )
    text = body.decode("utf-8", "replace").strip()
    location = headers.get("location", "")
    # nginx, Apache and others write a page that says what Location says.
    is_redirect = 300 <= status < 400 and bool(location)
    if is_page(headers, text) and (status < 400 or status in (401, 403)) and not is_redirect:
        return from_page(status, headers, text)
    refusal = _refusal(text, status)
    fields: dict[str, Any] = {"status": status, "code": refusal.code, "body": text}
    if 300 <= status < 400:
        where = _origin(location)
        return ProviderError(f"HTTP {status}: redirected to {where}, not followed", **fields)
    message = _with_status(status, headers, refusal.message)
    if _is_filtered(refusal, text, status):
        return ContentFiltered(message, **fields)
    if _is_key_refused(refusal, text, status):
        return AuthenticationError(message, **fields)
    if refusal.code == TOO_LONG:
        return ProviderError(message, **fields)
    fields["retry_after"] = retry_after(headers)
    if fields["retry_after"] is None:
        fields["retry_after"] = in_body(text, refusal.message, headers)
    fields["retryable"] = _is_retryable(status, headers, f"{refusal.code} {text}")
    if status == 429:
        return _limited(message, ratelimits.read(headers) or ratelimits.in_body(text), **fields)
    return (ServerError if status >= 500 else ProviderError)(message, **fields)


def _with_status(status: int, headers: Mapping[str, str], message: str) -> str:
    """*message* with its status, and the party that speaks where it is not the server."""
    # Pages repeat their status in their title.
    message = re.sub(rf"^(HTTP |Error )?{status}\b[ :-]*", "", message, flags=re.IGNORECASE)
    head = f"HTTP {status}"
    proxy_error = headers.get("x-squid-error", "")
    proxy = _PROXY.search(headers.get("server", "")) if status in (403, 502, 503, 504) else None
    if proxy_error or proxy:
        name = proxy[1].lower() if proxy else "squid"
        head += f" of a proxy on the way ({name})"
        message = ": ".join(filter(None, (proxy_error.partition(" ")[0], message)))
    return f"{head}: {message}" if message else head


def is_page(headers: Mapping[str, str], text: str) -> bool:
    """Whether an answer is an HTML page."""
    head = text[:200].lstrip().lower()
    return "text/html" in headers.get("content-type", "").lower() or head.startswith(
        ("<!doctype html", "<html", "<head", "<title")
    )


def from_page(status: int, headers: Mapping[str, str], text: str) -> ProviderError:
    """Our error for an HTML page that came in place of an answer."""
    if headers.get("cf-mitigated", "").lower() == "challenge" or _CHALLENGE.search(text):
        return CaptchaRequired(
            f"HTTP {status}: a page that checks for a human; open the site in a browser",
            status=status,
            body=text,
        )
    return ProviderError(
        f"HTTP {status}: an HTML page in place of an answer", status=status, body=text
    )


def in_band(value: Any, *, status: int = 200) -> ProviderError | AuthenticationError:
    """Our error for an error value found inside an answer, in any of its known shapes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    refusal = _refusal(text, 0)
    code, number = refusal.code or "", refusal.number
    message = refusal.message or text[:TEXT_CHARS]
    fields: dict[str, Any] = {"status": status, "code": refusal.code, "body": text}
    if _is_filtered(refusal, text, number):
        return ContentFiltered(message, **fields)
    if _is_key_refused(refusal, text, number):
        return AuthenticationError(message, **fields)
    if number == 429 or _LIMIT.search(code):
        wait = in_body(text, refusal.message)
        fields |= {"retryable": not _NO_USE.search(text), "retry_after": wait}
        return _limited(message, ratelimits.in_body(text), **fields)
    if code != TOO_LONG and (number >= 500 or _THEIR_FAULT.search(code)):
        return ServerError(message, retry_after=in_body(text, refusal.message), **fields)
    return ProviderError(message, **fields)


def _limited(message: str, limits: RateLimits | None, **fields: Any) -> RateLimited:
    error = RateLimited(message, **fields)
    error.limits = limits
    return error


def _refusal(text: str, status: int) -> Refusal:
    """What the body *text* says, in our code where the prompt is too long."""
    refusal = envelopes.read(text)
    code, number = refusal.code, refusal.number
    # A number that only repeats the status is no word of the server's.
    if code is not None and code == str(status) and f'"{code}"' not in text:
        code = None
    limits = (401, 403, 429)
    if not (number in limits or status in limits) and _TOO_LONG.search(f"{code} {refusal.message}"):
        code = TOO_LONG
    return Refusal(code, refusal.message, number)


def _is_retryable(status: int, headers: Mapping[str, str], text: str) -> bool:
    wish = headers.get("x-should-retry", "").lower()
    if wish in ("true", "false"):
        return wish == "true"
    return status in _RETRIED and not (status == 429 and _NO_USE.search(text))


def _is_filtered(refusal: Refusal, text: str, status: int) -> bool:
    if _FILTER_CODE.fullmatch(refusal.code or "") or '"ResponsibleAIPolicyViolation"' in text:
        return True
    if '"flagged_input"' in text:  # OpenRouter's, with a 403
        return True
    return status in (400, 403, 422, 451) and bool(_FILTER_WORDS.search(refusal.message))


def _is_key_refused(refusal: Refusal, text: str, status: int) -> bool:
    """Whether it is the key that is refused; *status* is of HTTP, or told in the body, or 0."""
    words = f"{refusal.code} {refusal.message}"
    if status == 401 or refusal.number == 401:
        return True
    if status == 429 or refusal.code == TOO_LONG:
        return False
    if _KEY_FIELD.search(text) or _KEY_WORDS.search(refusal.message):
        return True
    if _NOT_ALLOWED.search(words):
        return False
    return status == 403 or refusal.number == 403 or bool(_KEY_CODE.fullmatch(refusal.code or ""))


def _origin(url: str) -> str:
    try:
        parts = parsed(url)
    except ValueError:
        return "what is no URL"
    return f"{parts.scheme}://{parts.host}" if parts.host else "another path"
