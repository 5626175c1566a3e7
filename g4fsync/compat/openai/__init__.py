"""The shape of ``openai``: write ``from g4fsync.compat.openai import OpenAI`` in its place.

Covered are ``OpenAI``, ``AzureOpenAI`` and the module's own ``chat``, ``responses`` and
``models``; ``chat.completions`` and ``responses``, each with ``create``, ``stream`` and
``parse``, ``models.list`` and ``retrieve``, ``with_options``, ``with_raw_response``; the types
of ``openai.types`` that these have; all errors.  Anything else is refused by name.
See :class:`.client.OpenAI`.

Names are loaded when they are first asked for.
"""

from __future__ import annotations

__title__ = "openai"
__version__ = VERSION = "3.57.0"  # of the openai-python whose shapes these are

_CHAT_TYPES = "types.chat"
_MODULES = {
    "APIConnectionError": "errors",
    "APIError": "errors",
    "APIResponseValidationError": "errors",
    "APIStatusError": "errors",
    "APITimeoutError": "errors",
    "AsyncAzureOpenAI": "asynchronous",
    "AsyncClient": "asynchronous",
    "AsyncOpenAI": "asynchronous",
    "AsyncStream": "asynchronous",
    "AuthenticationError": "errors",
    "AzureOpenAI": "azure",
    "BadRequestError": "errors",
    "BaseModel": "names",
    "Client": "names",
    "ConflictError": "errors",
    "ContentFilterFinishReasonError": "errors",
    "DEFAULT_MAX_RETRIES": "arguments",
    "DEFAULT_TIMEOUT": "names",
    "InternalServerError": "errors",
    "LengthFinishReasonError": "errors",
    "NOT_GIVEN": "arguments",
    "NotFoundError": "errors",
    "NotGiven": "arguments",
    "Omit": "arguments",
    "OpenAI": "client",
    "OpenAIError": "errors",
    "PermissionDeniedError": "errors",
    "RateLimitError": "errors",
    "Stream": "streams",
    "Timeout": "names",
    "UnprocessableEntityError": "errors",
    "not_given": "arguments",
    "omit": "arguments",
    "pydantic_function_tool": "parsing",
    "pydantic_responses_function_tool": "response_parsing",
}
_RESOURCES = ("chat", "responses", "models")  # of the module's own client

# Settings of the module's own client; each is read when something is asked.
api_key: object = None
organization: str | None = None
project: str | None = None
base_url: object = None
timeout: object = None
max_retries: int = 2
default_headers: object = None
default_query: object = None
# With these it is a client of Azure, as there.
api_type: str | None = None
api_version: str | None = None
azure_endpoint: str | None = None
azure_ad_token: str | None = None
azure_ad_token_provider: object = None

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from . import types as types
    from .arguments import (
        DEFAULT_MAX_RETRIES as DEFAULT_MAX_RETRIES,
        NOT_GIVEN as NOT_GIVEN,
        NotGiven as NotGiven,
        Omit as Omit,
        not_given as not_given,
        omit as omit,
    )
    from .asynchronous import (
        AsyncAzureOpenAI as AsyncAzureOpenAI,
        AsyncClient as AsyncClient,
        AsyncOpenAI as AsyncOpenAI,
        AsyncStream as AsyncStream,
    )
    from .azure import AzureOpenAI as AzureOpenAI
    from .chat_calls import Chat
    from .client import OpenAI as OpenAI
    from .errors import (
        APIConnectionError as APIConnectionError,
        APIError as APIError,
        APIResponseValidationError as APIResponseValidationError,
        APIStatusError as APIStatusError,
        APITimeoutError as APITimeoutError,
        AuthenticationError as AuthenticationError,
        BadRequestError as BadRequestError,
        ConflictError as ConflictError,
        ContentFilterFinishReasonError as ContentFilterFinishReasonError,
        InternalServerError as InternalServerError,
        LengthFinishReasonError as LengthFinishReasonError,
        NotFoundError as NotFoundError,
        OpenAIError as OpenAIError,
        PermissionDeniedError as PermissionDeniedError,
        RateLimitError as RateLimitError,
        UnprocessableEntityError as UnprocessableEntityError,
    )
    from .model_list import Models
    from .names import (
        DEFAULT_TIMEOUT as DEFAULT_TIMEOUT,
        BaseModel as BaseModel,
        Client as Client,
        Timeout as Timeout,
    )
    from .parsing import pydantic_function_tool as pydantic_function_tool
    from .response_calls import Responses
    from .response_parsing import (
        pydantic_responses_function_tool as pydantic_responses_function_tool,
    )
    from .streams import Stream as Stream

    chat: Chat
    models: Models
    responses: Responses
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module  # not at the top: most imports want one name

        if name in _RESOURCES:
            from .module_client import current

            return getattr(current(globals()), name)
        if name in _MODULES:
            value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
            globals()[name] = value
            return value
        if name in ("types", "lib"):
            return import_module(f".{name}", __name__)
        from .missing import refuse

        return refuse(__name__, name)


__all__ = sorted([*_MODULES, *_RESOURCES, "types"])


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
