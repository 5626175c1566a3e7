"""What stands in an HTML page, read by a parser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "hr"}  # elements of our pages that have no end tag


class Page(HTMLParser):
    """The tags, attributes and texts of a page, whose tags must be closed in order.

    It must load nothing and act in nothing, but for one script that its policy knows.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = self.title = self.script = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        names = {name for name, _ in self.attributes}
        assert not {"src", "href", "action", "srcset", "data"} & names
        assert not [name for name in names if name.startswith("on")]
        assert "url(" not in text.replace(self.text, "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.script += data
        elif self._open and self._open[-1] == "title" and "svg" not in self._open:
            self.title += data
        elif self._open and self._open[-1] != "style":
            self.text += data
