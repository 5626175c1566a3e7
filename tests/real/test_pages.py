"""The page of a comparison in a real Chromium: room, contrast, copying, and that nothing acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from g4fsync import Client
from g4fsync.emulator import Cut, Emulator, words
from tests.support.chromium import Tab, browser, executable

ANSWER = """\
# A title

Some **bold** and `code`, a [link](https://a.example/way/that/is/long/enough/to/need/a/break).

```python
def a_function_with_a_long_name(argument: float, another_argument: float = 550.0) -> float: ...
```

| one column | another column of a table | a third one that makes it wide |
|---|---|---|
| averyveryveryverylongwordwithoutanyplacetobreakit | 2 | 3 |

<script>window.acted = 1</script> <img src=x onerror="window.acted = 1">
"""
WIDTHS = (1200, 500, 360)

# WCAG 2.2, section 1.4.3, for each element with text of its own that is seen: what has
# less contrast than 4.5 with the first ground behind it that is not transparent.
CONTRAST = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
  };
  const found = [];
  let seen = 0;
  for (const element of document.querySelectorAll("main *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.getClientRects().length) continue;
    seen += 1;
    const pair = [luminance(parts(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) found.push([element.tagName, element.className, ratio]);
  }
  return [seen, found];
})()
"""
# Elements that reach beyond the window and have no ancestor that scrolls them.
OVERFLOWING = """
[...document.querySelectorAll("main *")].filter((element) => {
  if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let at = element.parentElement; at; at = at.parentElement)
    if (getComputedStyle(at).overflowX === "auto") return false;
  return true;
}).map((element) => element.tagName)
"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    if executable() is None:
        pytest.skip("chromium is not installed")
    with browser() as tab:
        yield tab


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "answers.html"
    with Emulator() as emulator, Client(base_urls=emulator.base_urls, retry=1) as client:
        emulator.koala.reply = emulator.openai.reply = lambda messages: words(ANSWER)
        emulator.flowgpt.fault = Cut(after_bytes=40)
        keys = {"openai": emulator.api_key}
        with Client(base_urls=emulator.base_urls, api_keys=keys, retry=1) as client:
            models = ["koala", "openai:gpt-4o", "flowgpt"]
            question = f"A question\n{'of many words ' * 20}"
            client.compare(question, models, system="Be brief.").save(path)
    return path.as_uri()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_all_text_can_be_read(
    tab: Tab, url: str, width: int, dark: bool
) -> None:
    tab.open(url, width=width, dark=dark)
    assert tab.run("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert tab.run(OVERFLOWING) == []
    seen, too_faint = tab.run(CONTRAST)
    assert seen > 50
    assert too_faint == []


def test_nothing_is_loaded_and_nothing_of_an_answer_acts(tab: Tab, url: str) -> None:
    tab.open(url, width=1200)
    assert tab.run("performance.getEntriesByType('resource').length") == 0
    assert tab.run("typeof window.acted") == "undefined"
    assert tab.run("document.querySelectorAll('img, iframe, a, form, object').length") == 0
    # The policy stops what might still get in.
    script = "const s = document.createElement('script'); s.textContent = 'window.acted = 1';"
    assert (
        tab.run(f"(() => {{ {script} document.body.append(s); return window.acted; }})()") is None
    )


def copied(tab: Tab, selector: str) -> Any:
    """What is in the clipboard after a click."""
    tab.send("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    tab.send("Emulation.setFocusEmulationEnabled", enabled=True)  # only who is looked at may read
    return tab.run(
        f"""(async () => {{
            const button = document.querySelector({selector!r});
            button.click();
            while (button.textContent !== "Copied") await new Promise((r) => setTimeout(r, 5));
            return await navigator.clipboard.readText();
        }})()"""
    )


def test_a_click_copies_an_answer_as_it_was_written(tab: Tab, url: str) -> None:
    tab.open(url, width=1200)
    assert copied(tab, "article button.copy") == ANSWER
    code = re.findall(r"```python\n(.*?)```", ANSWER, re.DOTALL)[0]
    assert copied(tab, ".tools button") == code
