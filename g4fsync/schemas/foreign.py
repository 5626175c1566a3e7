"""Types that pydantic or msgspec say the schemas of, and read."""

from __future__ import annotations

import sys
from typing import Any

from ..errors import InvalidRequest
from .kinds import Kind


def foreign_kind(annotation: Any, where: str) -> Kind | None:
    """The kind of a type of pydantic's or msgspec's; ``None`` for any other.

    Neither library is imported here: who has such a type has imported it.
    """
    if "pydantic" in sys.modules and hasattr(annotation, "__get_pydantic_core_schema__"):
        from .pydantic_types import kind as pydantic_kind

        return pydantic_kind(annotation, where)
    if "msgspec" in sys.modules and hasattr(annotation, "__struct_fields__"):
        from .msgspec_types import kind as msgspec_kind

        return msgspec_kind(annotation, where)
    if hasattr(annotation, "parse_obj"):
        raise InvalidRequest(f"{where}: models of pydantic 1 are not known, use pydantic 2")
    return None
