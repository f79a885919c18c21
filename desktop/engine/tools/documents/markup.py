"""Text of HTML: what a reader sees, without scripts, styles and what is hidden; nothing is fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from desktop.engine.tools.documents.gathered import Gathered

KIND = "HTML"
_DROPPED = {"script", "style", "template", "noscript", "svg", "iframe"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "li", "main", "nav", "ol", "section",
    "summary", "table", "tbody", "tfoot", "thead", "tr", "ul", "title",
}  # fmt: skip
_APART = {"p", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "blockquote", "title"}
_CELLS = {"td", "th"}
_SPACE = re.compile(r"\s+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9_.-]{2,40})")
_STEP = 1 << 16


def declared_encoding(data: bytes) -> str:
    """What the page says of itself; "" for nothing."""
    head = data[:4096]
    found = _CHARSET.search(head) or _XML_ENCODING.search(head)
    return found[1].decode("ascii") if found else ""


def add_markup(text: str, gathered: Gathered) -> None:
    """Add the text of a page."""
    reader = _Reader(gathered)
    for at in range(0, len(text), _STEP):
        reader.feed(text[at : at + _STEP])
    reader.close()
    reader.finish()


class _Reader(HTMLParser):
    """Lines from elements. White space counts as in a browser: a run of it is one space, but for ``pre``."""

    def __init__(self, gathered: Gathered) -> None:
        super().__init__(convert_charrefs=True)
        self._gathered = gathered
        self._line = ""
        self._dropped: list[str] = []
        self._pre = self._cells = 0
        self._apart = True  # an empty line stands before what comes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of the library."""
        if self._dropped:
            if tag in _DROPPED:
                self._dropped.append(tag)
            return
        if tag in _DROPPED:
            self._dropped.append(tag)
        elif tag == "br":
            self._break()
        elif tag in _CELLS:
            self._line += " | " if self._cells else ""
            self._cells += 1
        elif tag in _APART or tag in _BLOCKS:
            self._block(apart=tag in _APART)
            self._cells = 0
            if tag == "li":
                self._line = "- "
            elif re.fullmatch(r"h[1-6]", tag):
                self._line = "#" * int(tag[1]) + " "
            self._pre += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of the library: ``<script/>`` in XHTML has no content."""
        if tag not in _DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Of the library."""
        if self._dropped:
            if tag in ("body", "html"):
                self._dropped.clear()  # what was never closed ends here
            elif tag in self._dropped:
                while self._dropped.pop() != tag:
                    pass
        elif tag in _APART or tag in _BLOCKS:
            self._block(apart=tag in _APART)
            if tag == "pre":
                self._pre = max(0, self._pre - 1)

    def handle_data(self, data: str) -> None:
        """Of the library."""
        if self._dropped:
            return
        if self._pre:
            first, *rest = data.split("\n")
            self._line += first
            for line in rest:
                self._break()
                self._line = line
            return
        text = _SPACE.sub(" ", data)
        self._line += text.lstrip() if not self._line or self._line.endswith(" ") else text

    def finish(self) -> None:
        """The last line."""
        self._block(apart=False)

    def _block(self, *, apart: bool) -> None:
        if self._line.strip() not in ("", "-", "#", "##", "###", "####", "#####", "######"):
            self._break()
        self._line = ""
        if apart and not self._apart:
            self._gathered.line("")
            self._apart = True

    def _break(self) -> None:
        self._gathered.line(self._line.rstrip())
        self._apart = not self._line.strip()
        self._line = ""
