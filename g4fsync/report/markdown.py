"""Markdown that a model wrote, as HTML in which nothing acts: :func:`rendered`.

The parser is markdown-it (of the extra ``cli``; rich brings it), with the rules of
CommonMark, tables and struck-out text.  Kept from a page are raw HTML, which is shown
as it was written, links, whose address is shown behind their text, and pictures, which
would be loaded.  Without the parser the text is shown as it is, its code blocks in a
fixed font.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from .visible import visible

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from typing import Any

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

MAX_CHARACTERS = 200_000  # of a text that is parsed; a longer one is shown as it is
HEADINGS_BELOW = 3  # the page has headings of its own down to this level

# Behind backticks, but not behind tildes, none may follow.
_FENCE = re.compile(r"^ {0,3}(`{3,}(?=[^`\n]*$)|~{3,})[^\n]*$", re.MULTILINE)


def rendered(text: str) -> str:
    """*text*, markdown, as HTML for a page's body."""
    text = visible(text)
    parser = _parser() if len(text) <= MAX_CHARACTERS else None
    return _unparsed(text) if parser is None else parser.render(text)


def closed(text: str) -> str:
    """*text* with an end for the code block that it leaves open, so that more may follow."""
    fence = ""
    for found in _FENCE.finditer(text):
        mark = found[1]
        if not fence:
            fence = mark
        elif mark.startswith(fence) and _is_bare(found[0]):
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _is_bare(line: str) -> bool:
    """Whether *line*, a fence, can end a block: nothing stands behind its mark."""
    return len(set(line.strip(" \t"))) == 1


@cache
def _parser() -> MarkdownIt | None:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        return None
    # A line end stays one: poems and addresses are rarely written with two spaces.
    parser = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True})
    parser.core.ruler.push("lower_headings", _lower_headings)
    for name, rule in {
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
    }.items():
        parser.add_render_rule(name, rule)
    return parser


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + HEADINGS_BELOW)}"


def _link_open(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Any,
    environment: MutableMapping[str, Any],
) -> str:
    return ""


def _link_close(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Any,
    environment: MutableMapping[str, Any],
) -> str:
    """The address, unless the text says it already."""
    opening = _opening(tokens, index)
    address = str(tokens[opening].attrs.get("href", ""))
    text = "".join(token.content for token in tokens[opening + 1 : index])
    forms = (address, address.partition("://")[2], address.partition(":")[2])
    is_said = text.rstrip("/") in [form.rstrip("/") for form in forms]
    return "" if is_said else f" ({escape(address)})"


def _opening(tokens: Sequence[Token], index: int) -> int:
    return max(i for i in range(index) if tokens[i].type == "link_open")


def _image(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: Any,
    environment: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    return f"{escape(token.content)} ({escape(str(token.attrs.get('src', '')))})"


def _unparsed(text: str) -> str:
    """*text* with its line ends, and what stands between fences in a fixed font."""
    parts = []
    at, fence = 0, ""
    for found in _FENCE.finditer(text):
        if not fence:
            parts.append(_lines(text[at : found.start()]))
            at, fence = found.end() + 1, found[1]
        elif found[1].startswith(fence) and _is_bare(found[0]):
            parts.append(f"<pre><code>{escape(text[at : found.start()])}</code></pre>")
            at, fence = found.end() + 1, ""
    rest = text[at:]
    parts.append(f"<pre><code>{escape(rest)}</code></pre>" if fence else _lines(rest))
    return "\n".join(filter(None, parts))


def _lines(text: str) -> str:
    text = text.strip("\n")
    return f'<p class="lines">{escape(text)}</p>' if text else ""
