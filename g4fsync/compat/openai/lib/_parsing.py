"""Names that programs import from ``openai.lib._parsing``."""

from ..parsing import response_format as type_to_response_format_param

__all__ = ["type_to_response_format_param"]
