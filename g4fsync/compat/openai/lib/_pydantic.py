"""Names that programs import from ``openai.lib._pydantic``."""

from ..parsing import strict_schema as to_strict_json_schema

__all__ = ["to_strict_json_schema"]
