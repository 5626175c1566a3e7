"""Names that programs import from ``openai._constants``."""

from .arguments import DEFAULT_MAX_RETRIES as DEFAULT_MAX_RETRIES
from .names import DEFAULT_TIMEOUT as DEFAULT_TIMEOUT
