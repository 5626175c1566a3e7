"""Names of ``openai`` that are another's here."""

from ..records import Record as BaseModel
from .arguments import HTTPTimeout as Timeout
from .client import OpenAI as Client

DEFAULT_TIMEOUT = Timeout(600.0, connect=5.0)

__all__ = ["DEFAULT_TIMEOUT", "BaseModel", "Client", "Timeout"]
