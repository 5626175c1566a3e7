"""``AzureOpenAI``: classic URLs with deployments, keys in ``api-key``, tokens of Entra.

Facts from openai-python 3.57 (``lib/azure.py``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from .client import OpenAI


class AzureOpenAI(OpenAI):
    """Asks models deployed at Azure.

    ``azure_endpoint`` (or ``AZURE_OPENAI_ENDPOINT``) is ``https://NAME.openai.azure.com``;
    the model's name is the deployment's, unless ``azure_deployment`` says otherwise.
    ``api_version`` has ``OPENAI_API_VERSION`` in its place, ``api_key``
    ``AZURE_OPENAI_API_KEY``, ``azure_ad_token`` ``AZURE_OPENAI_AD_TOKEN``;
    ``azure_ad_token_provider`` is asked for a token at each request.  The rest is as for
    :class:`.OpenAI`.
    """

    def __init__(
        self,
        *,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Callable[[], str] | None = None,
        base_url: Any = None,
        default_query: Mapping[str, object] | None = None,
        **settings: Any,
    ) -> None:
        explicit = any(
            each is not None for each in (api_key, azure_ad_token, azure_ad_token_provider)
        )
        if not explicit:
            azure_ad_token = os.environ.get("AZURE_OPENAI_AD_TOKEN")
            if azure_ad_token is None:
                api_key = os.environ.get("AZURE_OPENAI_API_KEY")
        version = api_version or os.environ.get("OPENAI_API_VERSION")
        if version is None:
            raise ValueError(
                "Must provide either the `api_version` argument or the "
                "`OPENAI_API_VERSION` environment variable"
            )
        if base_url is None:
            base_url = _azure_url(azure_endpoint, azure_deployment)
        elif azure_endpoint is not None:
            raise ValueError("base_url and azure_endpoint are mutually exclusive")
        query = {**(default_query or {}), "api-version": version}
        # Never the key of OpenAI itself.
        super().__init__(
            api_key="" if api_key is None else api_key,
            base_url=base_url,
            default_query=query,
            **settings,
        )
        self.api_version = version
        self.azure_ad_token = azure_ad_token
        self.azure_ad_token_provider = azure_ad_token_provider

    @property
    def auth_headers(self) -> dict[str, str]:
        provider = self.azure_ad_token_provider
        token = self.azure_ad_token if provider is None else provider()
        if token:
            return {"Authorization": f"Bearer {token}"}
        key = self.key()
        return {"api-key": key} if key else {}

    def path(self, path: str, body: Mapping[str, Any] | None) -> tuple[str, str]:
        model = (body or {}).get("model")
        if path == "/chat/completions" and model and "/deployments" not in self.base_url:
            return self.base_url, f"/deployments/{quote(str(model), safe='')}{path}"
        if path != "/chat/completions":  # not a deployment's
            return self.base_url.partition("/deployments/")[0], path
        return self.base_url, path

    def other_provider(self, model: Any) -> bool:
        return False

    _settings = (
        *OpenAI._settings,
        *("api_version", "azure_ad_token", "azure_ad_token_provider"),
    )


def _azure_url(endpoint: str | None, deployment: str | None) -> str:
    endpoint = endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT")
    if not endpoint:
        raise ValueError(
            "Must provide one of the `base_url` or `azure_endpoint` arguments, "
            "or the `AZURE_OPENAI_ENDPOINT` environment variable"
        )
    below = f"/deployments/{deployment}" if deployment else ""
    return f"{endpoint.rstrip('/')}/openai{below}"
