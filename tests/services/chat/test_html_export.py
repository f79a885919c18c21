"""A chat as HTML: what is read is there, formulas are pictures, and nothing of a stranger's is ever markup."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.png_bytes import plain_png

from desktop.core.attachments import Enclosed
from desktop.core.formula import Outline
from desktop.engine.tools.typesetter import outline
from desktop.services.chat.html_export import to_html
from desktop.store.chats import ChatStore

ANSWER = """# Tides

The **Moon** pulls, see <https://example.org/a?b&c> and [bad](javascript:alert(1)): \\(F = G\\frac{mM}{r^2}\\).

$$
\\Delta a \\approx \\frac{2GMR}{r^3}
$$

1. one
2. two `code` ~~no~~

- [x] done

> quoted

| a | b |
|---|--:|
| 1<br>x | $\\foo$ |

```python
print("<b>")
```

---

שלום <script>alert(1)</script>
"""


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def typeset(latex: str, display: bool) -> Outline | None:
    try:
        return outline(latex, display=display)
    except Exception:  # noqa: BLE001  # as the process answers
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    made = ChatStore(tmp_path / "c.sqlite3")
    yield made
    made.close()


def exported(store: ChatStore, answer: str, *, question: str = "Why?", reasoning: bool = False) -> Tags:
    chat = store.create("Tides <& co>", "Qwen3", "Be <brief>.")
    asked = store.add(chat.id, None, "user", question)
    store.add(chat.id, asked.id, "assistant", answer, model="Qwen3", reasoning="hm **so**")
    found = Tags()
    found.feed(
        to_html(store.chat(chat.id), store.messages(chat.id), typeset, store.attachment_data, reasoning=reasoning)
    )
    found.close()
    return found


def test_everything_of_a_chat_is_in_it(store: ChatStore) -> None:
    page = exported(store, ANSWER)
    for words in ("Tides <& co>", "Be <brief>.", "Why?", "Moon", "quoted", 'print("<b>")', "☑", "שלום", "$\\foo$"):
        assert words in page.text, words
    for tag in ("strong", "ol", "ul", "blockquote", "table", "pre", "hr", "s", "br"):
        assert tag in page.tags, tag
    assert page.tags.count("svg") == 2
    spoken = [value for name, value in page.attributes if name == "aria-label"]
    assert spoken == ["\\(F = G\\frac{mM}{r^2}\\)", "$$\n\\Delta a \\approx \\frac{2GMR}{r^3}\n$$"]
    assert "hm" not in page.text
    assert "hm" in exported(store, ANSWER, reasoning=True).text


def test_only_what_may_be_opened_is_a_link_and_nothing_is_loaded(store: ChatStore) -> None:
    page = exported(store, ANSWER)
    assert [value for name, value in page.attributes if name == "href"] == ["https://example.org/a?b&c"]
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "srcset") or name.startswith("on")]


def test_pictures_are_in_the_page_itself_and_other_files_by_their_names(store: ChatStore) -> None:
    picture = Enclosed.of("image", 'har"bour<.png', "image/png", plain_png(4, 4), width=4, height=4)
    sound = Enclosed.of("sound", "sea & wind.wav", "audio/wav", b"RIFF")
    chat = store.create("Harbour")
    store.add(chat.id, None, "user", "What?", attachments=(picture, sound))
    page = Tags()
    page.feed(to_html(store.chat(chat.id), store.messages(chat.id), typeset, store.attachment_data))
    assert dict(page.attributes)["alt"] == 'har"bour<.png'
    source = dict(page.attributes)["src"]
    assert source is not None and source.startswith("data:image/png;base64,")
    assert b64decode(source.partition(",")[2]) == picture.data
    assert "Attached: sea & wind.wav" in page.text and page.tags.count("img") == 1


_ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "h4", "h5", "h6", "p", "article", "div", "span",
    "details", "summary", "strong", "em", "s", "code", "pre", "a", "br", "hr", "ul", "ol", "li", "blockquote", "table",
    "tr", "td", "th", "svg", "path",
}  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="<>/\"'&= ab\n`*_[]()|-!#$\\", max_size=60))
def test_no_text_becomes_markup(store: ChatStore, text: str) -> None:
    page = exported(store, f"{text}<img src=x onerror=y>", question=f"<script>{text}")
    assert set(page.tags) <= _ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
