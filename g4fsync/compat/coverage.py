"""What of other libraries is covered, asked by dotted path; the shapes themselves answer."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

LIBRARIES = frozenset({"openai", "g4f", "litellm"})
# Classes whose objects are followed.
CLIENTS = frozenset(
    {
        *("openai.OpenAI", "openai.Client", "openai.AzureOpenAI"),
        *("openai.AsyncOpenAI", "openai.AsyncClient", "openai.AsyncAzureOpenAI"),
        *("g4f.Client", "g4f.client.Client", "g4f.AsyncClient", "g4f.client.AsyncClient"),
    }
)
_SETTINGS = frozenset(
    {
        *("api_key", "organization", "project", "base_url", "timeout", "max_retries"),
        *("default_headers", "default_query", "api_version"),
    }
)
# Parts of a client, and the methods each has; beyond a method anything is the answer's.
_CLIENT_PARTS = {
    "openai": {
        "chat.completions": ("create", "stream", "parse", "with_raw_response"),
        "beta.chat.completions": ("create", "stream", "parse", "with_raw_response"),
        "responses": ("create", "stream", "parse", "with_raw_response"),
        "models": ("list", "retrieve", "with_raw_response"),
        "": (
            "with_options",
            "copy",
            "close",
            "is_closed",
            "with_raw_response",
            "auth_headers",
            *_SETTINGS,
        ),
    },
    "g4f": {"chat.completions": ("create", "stream"), "": ("close", "proxy", "provider")},
}
_GONE = frozenset({"Completion", "ChatCompletion", "Embedding", "error", "Image"})


def verdict(path: str) -> str:
    """``""`` when what *path* stands for is covered, else what to do instead.

    ``openai.types.chat.ChatCompletion`` is a name of a module, ``openai.OpenAI().chat`` a
    part of a client.
    """
    library = path.partition(".")[0]
    if library == "litellm":
        return "litellm is not covered"
    head, is_client, rest = path.partition("()")
    if "Async" in head:
        name = head.rpartition(".")[2]
        return f"there is no {name}: use {name.replace('Async', '')}, in threads"
    if is_client:
        return _part_verdict(library, rest.strip("."))
    return _name_verdict(library, path.partition(".")[2])


def _part_verdict(library: str, rest: str) -> str:
    if not rest:
        return ""
    parts = _CLIENT_PARTS[library]
    for part, methods in parts.items():
        inside = rest.removeprefix(f"{part}.") if part else rest
        if rest == part or (part and f"{part}.".startswith(f"{rest}.")):
            return ""
        if (not part or inside != rest) and inside.partition(".")[0] in methods:
            return ""
    known = ", ".join(part for part in parts if part and not part.startswith("beta"))
    return f"not covered; a client has {known}"


def _name_verdict(library: str, rest: str) -> str:
    if not rest:
        return ""
    first, _, more = rest.partition(".")
    if library == "openai":
        if first in _SETTINGS:
            return ""
        if first in ("chat", "responses", "models"):
            return _part_verdict("openai", rest)
        if first in _GONE:
            return "gone since openai 1.0: use OpenAI().chat.completions.create"
    if _has(f"g4fsync.compat.{library}", rest):
        return ""
    # What is beyond a class (``OpenAI.chat``) is not looked into.
    return (
        ""
        if more and first != "types" and _has(f"g4fsync.compat.{library}", first)
        else "not covered"
    )


@lru_cache(maxsize=1024)
def _has(module: str, path: str) -> bool:
    """Whether *path* can be reached from *module*."""
    found: Any = import_module(module)
    for name in path.split("."):
        module = f"{module}.{name}"
        try:
            found = getattr(found, name)
        except (AttributeError, NotImplementedError):
            try:
                found = import_module(module)
            except ImportError:
                return False
    return True


def verdict_on_argument(path: str, name: str) -> str:
    """The same for an argument of a call."""
    if path in ("openai.OpenAI", "openai.Client", "openai.AzureOpenAI"):
        from .openai.client import REFUSED

        return f"{name}= is not covered" if name in REFUSED else ""
    for method in ("create", "parse", "stream"):
        if path.startswith("openai.") and path.endswith(f"chat.completions.{method}"):
            from .openai.chat_calls import NAMES

            known = {*NAMES, "messages", "model", "response_format", "stream"}
            return "" if name in known else f"{name}= is no argument; it goes into extra_body"
        if path.startswith("openai.") and path.endswith(f"responses.{method}"):
            from .openai.response_calls import NAMES as OF_RESPONSES

            known = {*OF_RESPONSES, "input", "model", "text_format", "stream"}
            return "" if name in known else f"{name}= is no argument; it goes into extra_body"
    return ""
