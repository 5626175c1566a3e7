"""Names of ``openai`` that are not covered: each is refused, and says what there is."""

from __future__ import annotations

from typing import NoReturn

_OTHER = frozenset(
    {
        *("completions", "embeddings", "files", "images", "audio", "moderations", "fine_tuning"),
        *("vector_stores", "beta", "batches", "uploads", "containers", "conversations", "evals"),
        *("webhooks", "realtime", "videos", "skills", "BedrockOpenAI", "APIResponse"),
        *("AssistantEventHandler", "DefaultHttpxClient", "DefaultHttpx2Client", "OAuthError"),
        *("InvalidWebhookSignatureError", "file_from_path"),
        *("WebSocketConnectionClosedError", "WebSocketQueueFullError", "resources"),
    }
)
# Of the releases before 1.0, and what took their place.
_REMOVED = frozenset({"ChatCompletion", "Completion", "Embedding", "Model", "Image", "error"})


def refuse(module: str, name: str) -> NoReturn:
    """Raise for a *name* that *module* does not have."""
    if name in _REMOVED:
        raise NotImplementedError(
            f"{module} has no {name!r}, which openai gave up with 1.0; "
            "use OpenAI().chat.completions.create(...)"
        )
    if name in _OTHER:
        raise NotImplementedError(
            f"{module} does not cover {name!r}; it has OpenAI and AzureOpenAI with "
            "chat.completions, responses and models"
        )
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
