"""Names that programs import from ``openai._types``."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from .arguments import (
    NOT_GIVEN as NOT_GIVEN,
    NotGiven as NotGiven,
    Omit as Omit,
    not_given as not_given,
    omit as omit,
)
from .names import Timeout as Timeout

Body: TypeAlias = object
Headers: TypeAlias = Mapping[str, str | Omit]
Query: TypeAlias = Mapping[str, object]
NoneType: TypeAlias = type[None]
FileTypes: TypeAlias = Any
