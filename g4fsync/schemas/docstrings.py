"""What a docstring says about parameters: lists in Google's, NumPy's and Sphinx's shapes.

Sources: the Napoleon extension's guide for the first two, the Python domain of
Sphinx for the third.  What is not understood is left out.
"""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(
    r"^(?P<indent> *)(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Attributes"
    r"|Other Parameters):? *$"
)
_UNDERLINE = re.compile(r"^ *-{3,} *$")
_GOOGLE = re.compile(r"^\*{0,2}(?P<name>\w+) *(\((?P<type>[^:]*)\))? *:(?P<text>.*)$")
_NUMPY = re.compile(r"^(?P<names>\*{0,2}\w+( *, *\*{0,2}\w+)*)( *:.*)?$")
_SPHINX = re.compile(
    r"^ *:(?:param|parameter|arg|argument|key|keyword|ivar|var) (?:[^:]*? )?\*{0,2}(?P<name>\w+)"
    r" *: *(?P<text>.*)$"
)
_FIELD = re.compile(r"^ *:\w[^:]*:")
_HEADING = re.compile(
    r"^(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Attributes"
    r"|Other Parameters|Returns?|Yields?|Raises?|Notes?|Examples?|See Also|References|Warnings?"
    r"|Warns|Todo):? *$"
)


def summary(docstring: str | None) -> str:
    """The text before the first list of parameters, results or errors."""
    lines: list[str] = []
    for line in inspect.cleandoc(docstring or "").splitlines():
        if _HEADING.match(line) or _FIELD.match(line):
            break
        lines.append(line)
    return "\n".join(lines).strip()


def parameters(docstring: str | None) -> dict[str, str]:
    """The parameters that *docstring* describes, by their names."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    found = _sphinx(lines)
    for i, line in enumerate(lines):
        section = _SECTION.match(line)
        if section:
            is_numpy = i + 1 < len(lines) and bool(_UNDERLINE.match(lines[i + 1]))
            block = _block(lines[i + 1 + is_numpy :], len(section["indent"]), is_numpy)
            found |= _entries(block, _NUMPY if is_numpy else _GOOGLE)
    return {name: " ".join(text.split()) for name, text in found.items() if text.split()}


def _block(lines: list[str], indent: int, is_numpy: bool) -> list[str]:
    """The lines of a section: Google's are indented, NumPy's end at the next heading."""
    block = []
    for i, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if line.strip():
            next_line = lines[i + 1] if i + 1 < len(lines) else ""
            if is_numpy and (_UNDERLINE.match(next_line) or depth < indent):
                break
            if not is_numpy and depth <= indent:
                break
        block.append(line)
    return block


def _entries(block: list[str], pattern: re.Pattern[str]) -> dict[str, str]:
    filled = [line for line in block if line.strip()]
    if not filled:
        return {}
    indent = len(filled[0]) - len(filled[0].lstrip())
    found: dict[str, str] = {}
    names: list[str] = []
    for line in filled:
        depth = len(line) - len(line.lstrip())
        entry = pattern.match(line.strip()) if depth <= indent else None
        if entry:
            named = entry.groupdict()
            names = [n.strip(" *") for n in (named.get("names") or named["name"]).split(",")]
            text = named.get("text") or ""
        else:
            text = line
        for name in names:
            found[name] = f"{found.get(name, '')} {text}" if not entry else text
    return found


def _sphinx(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        entry = _SPHINX.match(line)
        if entry:
            name = entry["name"]
            found[name] = entry["text"]
        elif _FIELD.match(line) or not line.strip() or not line.startswith(" "):
            name = ""
        elif name:
            found[name] += f" {line}"
    return found
