"""A Python type as JSON schema, and an answer as its value; no input or output in here."""

from .answers import AnswerType
from .misfit import Misfit, path_text

__all__ = ["AnswerType", "Misfit", "path_text"]
