"""The client behind ``openai.chat``: made from the module's variables, as they are now."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequest
from .client import OpenAI
from .errors import OpenAIError

_SETTINGS = (
    *("api_key", "organization", "project", "base_url", "timeout", "max_retries"),
    *("default_headers", "default_query"),
)
_OF_AZURE = ("azure_endpoint", "api_version", "azure_ad_token", "azure_ad_token_provider")
_REFUSED = {
    "http_client": "requests go over connections of g4fsync; see g4fsync.Client(proxy=, verify=)",
    "admin_api_key": "it is not covered",
    "bedrock_token_provider": "it is not covered",
    # openai left these unread when it gave them up, and sent the key elsewhere.
    "api_base": "it went with openai 1.0; set openai.base_url",
    "proxy": "it went with openai 1.0; set HTTPS_PROXY",
}
_lock = threading.Lock()  # guards the two below
_made_with: tuple[Any, ...] | None = None
_client: OpenAI | None = None


def current(variables: Mapping[str, Any]) -> OpenAI:
    """The module's client with these *variables*; another one when they have changed.

    ``api_type`` says whose it is, else what is there of Azure's variables and of the
    environment's.  ``InvalidRequest`` names a variable that is not heard here.
    """
    global _client, _made_with
    for name, advice in _REFUSED.items():
        if variables.get(name) is not None:
            raise InvalidRequest(f"g4fsync.compat.openai does not hear openai.{name}: {advice}")
    is_azure = _is_azure(variables)
    names = (*_SETTINGS, *_OF_AZURE) if is_azure else _SETTINGS
    found = (is_azure, *(variables[name] for name in names))
    with _lock:
        if _client is None or found != _made_with:
            backend = None if _client is None else _client.backend
            settings = {name: variables[name] for name in names}
            if settings["timeout"] is None:
                del settings["timeout"]
            _client, _made_with = _made(settings, is_azure=is_azure), found
            _client._backend = backend  # the same connections
        return _client


def _made(settings: Mapping[str, Any], *, is_azure: bool) -> OpenAI:
    if not is_azure:
        return OpenAI(**settings)
    from .azure import AzureOpenAI

    return AzureOpenAI(**settings)


def _is_azure(variables: Mapping[str, Any]) -> bool:
    kind = variables["api_type"] or os.environ.get("OPENAI_API_TYPE")
    if kind not in (None, "openai", "azure"):
        raise InvalidRequest(f"g4fsync.compat.openai does not cover openai.api_type = {kind!r}")
    if kind is not None:
        return kind == "azure"
    names = ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN")
    is_azure = any(name in os.environ for name in names) or any(
        variables[name] is not None for name in _OF_AZURE if name != "api_version"
    )
    if is_azure and "OPENAI_API_KEY" in os.environ:
        raise OpenAIError(
            "Ambiguous use of module client; please set `openai.api_type` or the "
            "`OPENAI_API_TYPE` environment variable to `openai` or `azure`"
        )
    return is_azure
