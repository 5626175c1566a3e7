"""Names that programs import from ``openai._client``."""

from .asynchronous import AsyncClient as AsyncClient, AsyncOpenAI as AsyncOpenAI
from .client import OpenAI as OpenAI
from .names import Client as Client
