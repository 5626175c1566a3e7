"""The page: its parts, its policy, and that its script is the one the policy knows."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from g4fsync.report.page import AnswerPart, Document, page
from g4fsync.report.style import STYLE
from tests.support.pages import Page

ANSWERS = (
    AnswerPart("openai:m", "**Hi**", "I think", ('look({"at":1})',), "", 2.0, 0.5, ((0.5, 2),)),
    AnswerPart("<b>", "", error="ServerError: <i>", seconds=1.0),
)
DOCUMENT = Document("Why?", {"date": "<now>"}, ("model", "state"), (("a", "<u>"),), ANSWERS)


def test_all_of_it_is_there_as_text() -> None:
    shown = Page(page(DOCUMENT))
    assert shown.title == "Why?"
    for text in ("<now>", "<u>", "<b>", "ServerError: <i>", "I think", 'look({"at":1})', "2.00 s"):
        assert text in shown.text
    assert shown.tags.count("article") == 2
    assert shown.tags.count("strong") == 1
    assert ("data-label", "state") in shown.attributes


def test_the_policy_allows_one_script_and_this_is_it() -> None:
    shown = Page(page(DOCUMENT))
    (policy,) = [value for name, value in shown.attributes if "default-src" in value]
    digest = b64encode(sha256(shown.script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    assert shown.tags.count("script") == 1


@pytest.mark.parametrize(
    ("question", "title", "repeated"),
    [
        ("Why?", "Why?", False),
        (" Why? \n", "Why?", False),
        ("\n\nFirst\nsecond", "First", True),
        ("x" * 81, "x" * 79 + "…", True),
        ("", "Answers", True),
    ],
)
def test_the_title_is_the_question(question: str, title: str, repeated: bool) -> None:
    shown = Page(page(Document(question, {}, (), (), ())))
    assert shown.title == title
    assert ("Asked" in shown.text) is repeated


def test_the_text_to_copy_is_the_answer_as_it_was_written() -> None:
    text = "\n\n<b>&amp;</b> </textarea> **x**\n"
    shown = page(Document("Why?", {}, (), (), (AnswerPart("m", text),)))
    Page(shown)
    raw = shown.partition("<textarea hidden readonly>\n")[2].partition("</textarea>")[0]
    assert raw == "\n\n&lt;b&gt;&amp;amp;&lt;/b&gt; &lt;/textarea&gt; **x**\n"


def contrast(first: str, second: str) -> float:
    """WCAG 2.2, section 1.4.3."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def test_each_text_has_a_contrast_of_four_and_a_half() -> None:
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+)", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    )
    for colours in (light, dark):
        for text in ("text", "soft", "error"):
            for back in ("back", "code"):
                assert contrast(colours[text], colours[back]) >= 4.5, (text, back)
