"""g4fsync: chat with many providers from plain blocking code.

Importing starts nothing: no thread, file, network or plug-in.  Each public name
is loaded from its module when it is first asked for, since a command like
``g4fsync --version`` wants none of them.
"""

from __future__ import annotations

__version__ = "0.2.0"

_MODULES = {  # public name -> the module it is loaded from
    "AllFailed": "errors",
    "Archive": "archive.store",
    "Attempt": "errors",
    "AuthenticationError": "errors",
    "Batch": "batch.batch",
    "BatchRow": "batch.lines",
    "Budget": "settings",
    "Cancelled": "errors",
    "CaptchaRequired": "errors",
    "ChatRequest": "messages",
    "ChatResult": "messages",
    "ChatStream": "call.stream",
    "Client": "client",
    "Comparison": "fanout.comparison",
    "ConfigurationError": "errors",
    "ConnectionFailed": "errors",
    "ContentFiltered": "errors",
    "Conversation": "archive.conversation",
    "DeadlineExceeded": "errors",
    "Event": "events",
    "Finish": "events",
    "G4FSyncError": "errors",
    "Image": "messages",
    "InvalidRequest": "errors",
    "Lane": "fanout.workers",
    "Limits": "settings",
    "Message": "messages",
    "ObservedCall": "call.observing",
    "Observer": "call.observing",
    "Part": "messages",
    "ProtocolError": "errors",
    "Provider": "providers.base",
    "ProviderData": "events",
    "ProviderError": "errors",
    "Rate": "settings",
    "RateLimit": "ratelimits",
    "RateLimited": "errors",
    "RateLimits": "ratelimits",
    "Reasoning": "events",
    "Response": "transport.base",
    "Retry": "settings",
    "RoundsExceeded": "errors",
    "ServerError": "errors",
    "StreamInterrupted": "errors",
    "StreamTruncated": "errors",
    "Summary": "batch.summary",
    "Text": "events",
    "Timeout": "settings",
    "Tool": "tools.functions",
    "ToolCall": "events",
    "ToolResult": "events",
    "Transport": "transport.base",
    "Unparsable": "errors",
    "Usage": "events",
    "provider_names": "registry",
    "register": "registry",
}

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from .archive.conversation import Conversation as Conversation
    from .archive.store import Archive as Archive
    from .batch.batch import Batch as Batch
    from .batch.lines import BatchRow as BatchRow
    from .batch.summary import Summary as Summary
    from .call.observing import ObservedCall as ObservedCall, Observer as Observer
    from .call.stream import ChatStream as ChatStream
    from .client import Client as Client
    from .errors import (
        AllFailed as AllFailed,
        Attempt as Attempt,
        AuthenticationError as AuthenticationError,
        Cancelled as Cancelled,
        CaptchaRequired as CaptchaRequired,
        ConfigurationError as ConfigurationError,
        ConnectionFailed as ConnectionFailed,
        ContentFiltered as ContentFiltered,
        DeadlineExceeded as DeadlineExceeded,
        G4FSyncError as G4FSyncError,
        InvalidRequest as InvalidRequest,
        ProtocolError as ProtocolError,
        ProviderError as ProviderError,
        RateLimited as RateLimited,
        RoundsExceeded as RoundsExceeded,
        ServerError as ServerError,
        StreamInterrupted as StreamInterrupted,
        StreamTruncated as StreamTruncated,
        Unparsable as Unparsable,
    )
    from .events import (
        Event as Event,
        Finish as Finish,
        ProviderData as ProviderData,
        Reasoning as Reasoning,
        Text as Text,
        ToolCall as ToolCall,
        ToolResult as ToolResult,
        Usage as Usage,
    )
    from .fanout.comparison import Comparison as Comparison
    from .fanout.workers import Lane as Lane
    from .messages import (
        ChatRequest as ChatRequest,
        ChatResult as ChatResult,
        Image as Image,
        Message as Message,
        Part as Part,
    )
    from .providers.base import Provider as Provider
    from .ratelimits import RateLimit as RateLimit, RateLimits as RateLimits
    from .registry import provider_names as provider_names, register as register
    from .settings import (
        Budget as Budget,
        Limits as Limits,
        Rate as Rate,
        Retry as Retry,
        Timeout as Timeout,
    )
    from .tools.functions import Tool as Tool
    from .transport.base import Response as Response, Transport as Transport
else:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # not at the top: most commands do without

        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value


__all__ = sorted(_MODULES, key=lambda name: (name.islower(), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
