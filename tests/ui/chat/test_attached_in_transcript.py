"""What was attached stands small below its question; a picture opens in a window of its own, also by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.png_bytes import plain_png

from desktop.core.attachments import Enclosed
from desktop.ui.chat.picture_window import PictureWindow
from desktop.ui.shared.transcript.attachments_row import AttachmentsRow
from desktop.ui.shared.transcript.view import TranscriptView

RED = QColor(192, 48, 48)
PICTURE = Enclosed.of("image", "harbour.png", "image/png", plain_png(300, 200), width=300, height=200)
SOUND = Enclosed.of("sound", "sea.wav", "audio/wav", b"RIFF", seconds=75)
MS = 20_000  # the reader's process starts first


@pytest.fixture
def view(desk: Desk, qtbot: QtBot) -> TranscriptView:
    """A chat with a question, two attachments and an answer, in view."""
    chat = desk.store.create("Harbour")
    asked = desk.store.add(chat.id, None, "user", "What is this?", attachments=(PICTURE, SOUND))
    desk.store.add(chat.id, asked.id, "assistant", "A harbour")
    desk.page.open_chat(chat.id)
    qtbot.waitUntil(lambda: len(desk.page._talk.branch) == 2)
    return desk.page._transcript


def tile(view: TranscriptView, number: int) -> QPoint:
    """The middle of an attachment, in the viewport."""
    item = view.column.items[0]
    at, row = next((at, row) for at, row in enumerate(item.rows or ()) if isinstance(row, AttachmentsRow))
    corner = view.item_rect(0).topLeft()
    rect = row.hot_spots()[number].rect.translated(corner.x() + item.row_x(at), corner.y() + item.tops[at])
    return rect.center().toPoint()


def colour(view: TranscriptView, where: QPoint) -> QColor:
    return view.viewport().grab().toImage().pixelColor(where)


def window(desk: Desk) -> PictureWindow | None:
    return next((made for made in desk.page.findChildren(PictureWindow) if made.isVisible()), None)


def test_a_picture_is_painted_below_its_question(view: TranscriptView, qtbot: QtBot) -> None:
    def red() -> bool:
        seen = colour(view, tile(view, 0))
        return abs(seen.red() - RED.red()) < 12 and abs(seen.green() - RED.green()) < 12

    qtbot.waitUntil(red, timeout=MS)


def test_a_click_opens_it_larger_and_escape_closes_it(view: TranscriptView, desk: Desk, qtbot: QtBot) -> None:
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=tile(view, 0))
    qtbot.waitUntil(lambda: window(desk) is not None)
    shown = window(desk)
    assert shown is not None and shown.windowTitle() == "harbour.png, 300 x 200"
    canvas = shown.findChild(QWidget, "pictureCanvas")
    assert isinstance(canvas, QWidget) and canvas.accessibleName() == "Picture harbour.png, 300 x 200"
    assert canvas.grab().toImage().pixelColor(canvas.rect().center()) == RED
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window(desk) is None)


def test_the_keyboard_reaches_each_and_says_what_it_is(view: TranscriptView, desk: Desk, qtbot: QtBot) -> None:
    view.setFocus(Qt.FocusReason.TabFocusReason)
    said = []
    for _ in range(4):
        qtbot.keyClick(view, Qt.Key.Key_Tab)
        said.append(view.accessibleDescription())
        if "harbour.png" in said[-1]:
            break
    assert said[-1] == "Picture harbour.png, 300 x 200. Opens it larger"
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    assert view.accessibleDescription() == "Sound sea.wav, 1:15. Saves a copy"
    qtbot.keyClick(view, Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert view.accessibleDescription() == said[-1]
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window(desk) is not None)
    shown = window(desk)
    assert shown is not None
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window(desk) is None)


def test_a_copy_of_another_file_is_saved(view: TranscriptView, desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=tile(view, 1))
    dialog = desk.page.findChild(QFileDialog, "saveAttachmentDialog")
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "copy.wav"))
    dialog.close()
    qtbot.waitUntil(lambda: (tmp_path / "copy.wav").is_file() and bool(desk.told))
    assert (tmp_path / "copy.wav").read_bytes() == SOUND.data


def test_many_pictures_wrap_and_stay_within_the_column(desk: Desk, qtbot: QtBot) -> None:
    many = [
        Enclosed.of("image", f"{n}.png", "image/png", plain_png(20 + n, 20), width=200 + n, height=90) for n in range(9)
    ]
    chat = desk.store.create("Many")
    desk.store.add(chat.id, None, "user", "", attachments=many)
    desk.page.open_chat(chat.id)
    qtbot.waitUntil(lambda: len(desk.page._talk.branch) == 1)
    view = desk.page._transcript
    item = view.column.items[0]
    (row,) = (row for row in item.rows or () if isinstance(row, AttachmentsRow))
    rects = [spot.rect for spot in row.hot_spots()]
    assert len(rects) == 9 and len({rect.top() for rect in rects}) > 1
    assert all(rect.left() >= 0 and rect.right() <= row.width + 0.5 for rect in rects)
    assert not any(one.intersects(other) for at, one in enumerate(rects) for other in rects[at + 1 :])
