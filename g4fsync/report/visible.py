"""What a provider sends is data, never instructions to a terminal, an editor or a browser."""

from __future__ import annotations

_CONTROLS = {*range(32), *range(127, 160)} - {ord("\t"), ord("\n")}
_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_VISIBLE = {code: f"\\x{code:02x}" for code in _CONTROLS} | {
    code: f"\\u{code:04x}" for code in _BIDI
}
#: The same as legal escapes inside JSON's strings, for ``str.translate``.
JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _CONTROLS | _BIDI}


def visible(text: str) -> str:
    """*text* with everything shown that a terminal would act upon, but newline and tab.

    Control characters and marks that reorder text become ``\\x1b`` or ``\\u202e``.
    """
    return text.replace("\r\n", "\n").translate(_VISIBLE)
