"""What ``g4fsync`` offers: each name that is promised, from where it lives."""

from __future__ import annotations

from .call.stream import ChatStream
from .client import Client
from .errors import (
    AllFailed,
    AuthenticationError,
    Cancelled,
    CaptchaRequired,
    ConfigurationError,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    G4FSyncError,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    ServerError,
    StreamInterrupted,
    StreamTruncated,
)
from .events import Attempt, Finish, Reasoning, Text, ToolCall, Usage
from .messages import ChatRequest, ChatResult, Image, Message
from .providers.base import Provider
from .registry import provider_names, register
from .settings import Limits, Retry, Timeout

__all__ = [
    "AllFailed",
    "Attempt",
    "AuthenticationError",
    "Cancelled",
    "CaptchaRequired",
    "ChatRequest",
    "ChatResult",
    "ChatStream",
    "Client",
    "ConfigurationError",
    "ConnectionFailed",
    "ContentFiltered",
    "DeadlineExceeded",
    "Finish",
    "G4FSyncError",
    "Image",
    "InvalidRequest",
    "Limits",
    "Message",
    "ProtocolError",
    "Provider",
    "ProviderError",
    "RateLimited",
    "Reasoning",
    "Retry",
    "ServerError",
    "StreamInterrupted",
    "StreamTruncated",
    "Text",
    "Timeout",
    "ToolCall",
    "Usage",
    "provider_names",
    "register",
]
