"""Names that programs import from ``openai._streaming``."""

from .asynchronous import AsyncStream as AsyncStream
from .streams import Stream as Stream
