"""Names that programs import from ``openai._models``."""

from .names import BaseModel as BaseModel
