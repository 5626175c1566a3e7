"""Names that programs import from ``openai.types``."""

from .completion_usage import CompletionUsage as CompletionUsage
from .model import Model as Model
