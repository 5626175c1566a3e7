"""Markdown of a model's: its forms are kept, and nothing in it acts."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, strategies as st

from g4fsync.report import markdown
from g4fsync.report.markdown import MAX_CHARACTERS, closed, rendered
from g4fsync.report.visible import visible
from tests.support.pages import Page


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("a *b* **c** `d` ~~e~~", "<p>a <em>b</em> <strong>c</strong> <code>d</code> <s>e</s></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("# Title", "<h4>Title</h4>"),
        ("###### Small", "<h6>Small</h6>"),
        ("- a\n  1. b", "<ul>\n<li>a\n<ol>\n<li>b</li>\n</ol>\n</li>\n</ul>"),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>"),
        (
            "```python\nif a < b:\n    pass\n```",
            '<pre><code class="language-python">if a &lt; b:\n    pass\n</code></pre>',
        ),
        ("```\nnever closed", "<pre><code>never closed</code></pre>"),
        (
            "| a | b |\n|---|---|\n| 1 | `|` |",
            "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n"
            "<tr>\n<td>1</td>\n<td>`</td>\n</tr>\n</tbody>\n</table>",
        ),
    ],
)
def test_its_forms_become_html(text: str, html: str) -> None:
    assert rendered(text).strip().replace("<br />", "<br>") == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>"),
        ("<!-- x -->", "<p>&lt;!-- x --&gt;</p>"),
        ("[text](https://a.example/?q=1&r)", "<p>text (https://a.example/?q=1&amp;r)</p>"),
        ('[text](https://a.example "title")', "<p>text (https://a.example)</p>"),
        ("[**a** and [b](c)](https://d.example)", "<p>[<strong>a</strong> and b (c)]"),
        ("[a.example](https://a.example/)", "<p>a.example</p>"),
        ("<https://a.example>", "<p>https://a.example</p>"),
        ("![alt](https://a.example/i.png)", "<p>alt (https://a.example/i.png)</p>"),
        ("[x][1]\n\n[1]: https://a.example", "<p>x (https://a.example)</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ('``` "onclick=x\na\n```', "<pre><code"),
        ("\x1b[2J \u202e \x00", "<p>\\x1b[2J \\u202e \\x00</p>"),
    ],
)
@pytest.mark.usefixtures("parsing")
def test_what_would_act_or_load_is_shown(text: str, html: str) -> None:
    shown = rendered(text)
    assert html in shown
    Page(shown)


@pytest.fixture
def parsing() -> None:
    pytest.importorskip("markdown_it")


FRAGMENTS = st.sampled_from(
    "[]()<>!`*_~#|\n\t \"'&\\:/-+.=1aZ\x00\u202e" + "".join(["\r", "\u2028", "🙂", "é"])
)
PIECES = st.one_of(
    FRAGMENTS,
    st.sampled_from(
        [
            *(
                "<script>",
                "</script>",
                "<img src=x onerror=y>",
                "](javascript:x)",
                "![",
                "](http://x)",
            ),
            *("```", "~~~", "| a |\n|---|\n", "<a href='x'>", "&#60;", "<!--", "-->", "<![CDATA["),
        ]
    ),
)


@given(st.lists(PIECES, max_size=40).map("".join), st.booleans())
def test_no_text_acts_or_leaves_a_tag_open(text: str, parsed: bool) -> None:
    shown = rendered(text) if parsed else markdown._unparsed(visible(text))
    page = Page(shown)
    assert not {"a", "img", "script", "iframe", "object", "form", "style", "link"} & set(page.tags)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_what_is_closed_can_be_followed(text: str) -> None:
    after = rendered(f"{closed(text)}\n\n## the next\n")
    assert after.rstrip().endswith("<h5>the next</h5>") or "<pre>" not in after


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("```\na", "\n```"),
        ("````\n```\na", "\n````"),
        ("~~~ `\na", "\n~~~"),
        ("~~~\n~~~`", "\n~~~"),
        ("```\na\n```  ", ""),
        ("``` `\na", ""),
        ("a ``` b", ""),
    ],
)
def test_an_open_block_of_code_gets_its_end(text: str, end: str) -> None:
    assert closed(text) == text + end


def test_without_the_parser_lines_and_code_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    markdown._parser.cache_clear()
    try:
        shown = rendered("a <b>\n**c**\n```\nx < y\n```\nend")
    finally:
        markdown._parser.cache_clear()
    assert shown == (
        '<p class="lines">a &lt;b&gt;\n**c**</p>\n'
        "<pre><code>x &lt; y\n</code></pre>\n"
        '<p class="lines">end</p>'
    )


def test_a_huge_text_is_not_parsed() -> None:
    text = "*a* " * (MAX_CHARACTERS // 4 + 1)
    assert rendered(text) == f'<p class="lines">{text}</p>'
