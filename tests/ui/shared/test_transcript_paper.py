"""A conversation on pages: all of its text, light, and no line of it cut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from desktop.core.formula import Outline
from desktop.ui.shared.transcript.item import MessageItem
from desktop.ui.shared.transcript.message import Role, TranscriptMessage
from desktop.ui.shared.transcript.paper import Strip, paginate, paper_style, to_pdf
from desktop.ui.shared.transcript.style import Style
from desktop.ui.shell.theme import Theme

pdfium: Any = pytest.importorskip("pypdfium2")
BOX = Outline(1.0, 0.7, 0.0, "MLLLZ", (0.0, -0.7, 1.0, -0.7, 1.0, 0.0, 0.0, 0.0))  # a formula that is a black square
LONG = "Sentences that are long enough to fill several lines of a page, gjpqy. "
CODE = "```python\n" + "\n".join(f"print({number})" for number in range(150)) + "\n```"
TABLE = "| name | value |\n|---|---|\n" + "\n".join(f"| row {number} | {LONG} |" for number in range(60))
WIDE = "|" + "|".join(f"column{n}" for n in range(30)) + "|\n" + "|---" * 30 + "|\n" + "|value" * 30 + "|"


def said(number: int, role: Role, content: str, **more: Any) -> TranscriptMessage:
    return TranscriptMessage(number, role, content, model="SmolLM2" if role == "assistant" else "", created=1e9, **more)


@pytest.fixture
def style(qapp: QApplication, theme: Theme) -> Style:
    theme.set_preference("dark")
    return paper_style(qapp.font(), theme.monospace, lambda latex, display: BOX)


def pages_of(data: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pdfium.PdfDocument(data)]


def pdf(style: Style, *messages: TranscriptMessage, letter: bool = False, title: str = "Tides") -> bytes:
    return to_pdf(title, "SmolLM2", "Be brief.", messages, style, letter=letter)


def test_everything_is_on_the_pages_once(style: Style) -> None:
    question = "A long question. " * 400
    thought = said(
        2, "assistant", f"# Head\n\n{CODE}\n\n{TABLE}\n\n- item one", reasoning="I thought.", note="Stopped."
    )
    pages = pages_of(pdf(style, said(1, "user", question), thought))
    bare = [re.sub(rf"\b{n} ?/ ?{len(pages)}\s*$", "", page) for n, page in enumerate(pages, 1)]
    assert all(len(without) < len(page) for without, page in zip(bare, pages, strict=True))  # its number is on each
    text = "".join("".join(bare).split())  # where spaces are, a PDF's reader guesses
    assert len(pages) > 4
    for once in ("Tides", "Bebrief.", "Head", "Ithought.", "Stopped.", "itemone", "print(0)", "print(149)"):
        assert text.count(once) == 1, once
    assert text.count("longquestion") == 400 and all(f"row{number}Sentences" in text for number in range(60))
    assert "You,9September2001" in text and "SmolLM2,9September2001" in text
    for unprinted in ("Copy", "Regenerate", "Edit"):
        assert unprinted not in text


def test_pages_are_light_whatever_the_window_is(style: Style) -> None:
    page = pdfium.PdfDocument(pdf(style, said(1, "user", "Hi"), said(2, "assistant", "x $y$")))[0]
    bitmap = page.render(scale=1)
    pixels = bytes(bitmap.buffer)
    assert pixels[:3] == b"\xff\xff\xff"
    assert min(pixels) < 80  # letters, and the square that stands for the formula, are dark


@pytest.mark.parametrize(("letter", "size"), [(False, (595, 842)), (True, (612, 792))])
def test_the_paper_is_the_one_of_the_place(style: Style, letter: bool, size: tuple[int, int]) -> None:
    page = pdfium.PdfDocument(pdf(style, letter=letter))[0]
    assert tuple(round(side) for side in page.get_size()) == size


def test_a_wide_table_is_smaller_and_whole(style: Style) -> None:
    (page,) = pages_of(pdf(style, said(1, "assistant", WIDE)))
    assert page.count("value") == 30 and "column29" in page


@pytest.mark.parametrize(
    "content", [LONG * 30, f"- {LONG * 20}\n\n> {LONG * 20}", CODE, TABLE, f"|a|b|\n|-|-|\n|{LONG * 20}|b|"]
)
def test_no_ink_crosses_a_place_where_a_page_may_end(style: Style, content: str) -> None:
    item = MessageItem(said(1, "assistant", content), style, name_model=False, busy=True)
    item.place(400)
    item.build()
    item.lay_out(0, 1e9)
    cuts = 0
    for row in item.body:
        image = QImage(400, round(row.height) + 2, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        painter = QPainter(image)
        row.paint(painter, QRectF(0, 0, 400, row.height), None)
        painter.end()
        for cut in row.cuts:
            cuts += 1
            for y in (round(cut) - 1, round(cut)):
                dark = [x for x in range(40, 400) if QColor(image.pixel(x, y)).lightness() < 110]
                assert not dark, (type(row).__name__, cut, dark[:3])
    assert cuts > 5


def strip(height: float, *cuts: float, gap: float = 0.0, keeps: bool = False) -> Strip:
    return Strip(height, lambda painter, visible: None, gap, cuts, keeps)


def test_pages_end_where_strips_allow_it() -> None:
    long = strip(250, *range(20, 250, 20))
    pages = paginate([strip(30), long, strip(40), strip(95)], 100)
    found = [[(piece.top, piece.start, piece.end) for piece in page.pieces] for page in pages]
    assert found == [
        [(0, 0, 30), (30, 0, 60)],
        [(0, 60, 160)],
        [(0, 160, 250)],
        [(0, 0, 40)],
        [(0, 0, 95)],
    ]
    for page in pages:
        for piece in page.pieces:
            assert piece.end in (*piece.strip.cuts, piece.strip.height)
            assert piece.top + piece.end - piece.start <= 100


def test_a_heading_stays_with_what_follows_and_a_giant_fits_nowhere() -> None:
    heading = strip(20, keeps=True)
    pages = paginate([strip(70), heading, strip(60, 20, 40, gap=5)], 100)
    assert [[piece.strip.height for piece in page.pieces] for page in pages] == [[70], [20, 60]]
    giant = paginate([strip(10), strip(250)], 100)
    assert [[(p.start, p.end) for p in page.pieces] for page in giant] == [
        [(0, 10)],
        [(0, 100)],
        [(100, 200)],
        [(200, 250)],
    ]
    assert len(paginate([], 100)) == 1


def test_an_empty_chat_is_a_page(style: Style) -> None:
    assert "Tides" in pages_of(pdf(style))[0]
