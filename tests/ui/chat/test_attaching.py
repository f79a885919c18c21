"""Files come to a message by button, drop and paste, stand as chips beside the field, and go out with it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QFrame, QLabel, QMenu, QPlainTextEdit, QPushButton, QToolButton
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.pictures import encoded, image
from support.png_bytes import promised_png
from support.widgets import find

from desktop.core.attachments import MOST_ATTACHED, Enclosed
from desktop.core.cancelled import Cancelled
from desktop.core.errors import HeftError
from desktop.core.model_ref import local_ref
from desktop.store.chats import Message

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return saved(tmp_path / "harbour.png")


def saved(path: Path, size: tuple[int, int] = (300, 200)) -> Path:
    path.write_bytes(encoded(image(*size)))
    return path


def editor(desk: Desk) -> QPlainTextEdit:
    return find(desk.page, QPlainTextEdit, "composerText")


def mime_of(*paths: Path) -> QMimeData:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drop(desk: Desk, *paths: Path) -> bool:
    """Drag files over the transcript and let go; whether the page took them."""
    mime, where = mime_of(*paths), QPoint(300, 200)
    keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(where, Qt.DropAction.CopyAction, mime, *keys)
    entered.ignore()
    QApplication.sendEvent(desk.page, entered)
    if entered.isAccepted():
        QApplication.sendEvent(desk.page, QDropEvent(QPointF(where), Qt.DropAction.CopyAction, mime, *keys))
    return entered.isAccepted()


def chips(desk: Desk) -> list[str]:
    """What the chips say, but for those of files that are being read."""
    return [
        " ".join(label.text() for label in chip.findChildren(QLabel) if label.text())
        for chip in desk.page.findChildren(QFrame, "attachedFile")
        if chip.isVisible()
    ]


def attach(desk: Desk, qtbot: QtBot, *paths: Path) -> None:
    before = len(chips(desk))
    assert drop(desk, *paths)
    qtbot.waitUntil(lambda: len(chips(desk)) == before + len(paths), timeout=20_000)


def load(desk: Desk, *media: str) -> None:
    """A model is loaded that takes these kinds."""
    desk.engine.load(desk.planning.for_load(local_ref(desk.library.resolve("starter").path)))
    desk.engine.finish_load()
    assert desk.engine.state.loaded is not None
    loaded = msgspec.structs.replace(desk.engine.state.loaded, media=media)
    desk.engine.tell(replace(desk.engine.state, loaded=loaded))


def asked(desk: Desk, qtbot: QtBot) -> Message:
    """The question that has gone out."""
    qtbot.waitUntil(lambda: len(desk.page._talk.branch) >= 2)
    return next(message for message in reversed(desk.page._talk.branch) if message.role == "user")


def test_a_dropped_picture_is_a_chip_with_its_size_and_goes_out_with_the_text(
    desk: Desk, qtbot: QtBot, picture: Path
) -> None:
    load(desk, "image")
    attach(desk, qtbot, picture)
    qtbot.waitUntil(lambda: chips(desk) == ["harbour.png 300 x 200, 256 tokens"])
    desk.write("What is this?")
    message = asked(desk, qtbot)
    qtbot.waitUntil(lambda: bool(desk.engine.requests))
    (turn,) = desk.engine.requests[-1].messages
    assert [(one.kind, one.media_type, one.data[:4]) for one in turn.media] == [("image", "image/png", b"\x89PNG")]
    assert message.content == "What is this?" and [one.name for one in message.attachments] == ["harbour.png"]
    assert chips(desk) == [] and desk.store.attachment_data(message.attachments[0])[:4] == b"\x89PNG"


def test_a_picture_goes_out_without_a_word_and_names_the_chat(desk: Desk, qtbot: QtBot, picture: Path) -> None:
    load(desk, "image")
    attach(desk, qtbot, picture)
    send = find(desk.page, QPushButton, "composerSend")
    assert send.isEnabled()
    qtbot.mouseClick(send, Qt.MouseButton.LeftButton)
    assert [one.name for one in asked(desk, qtbot).attachments] == ["harbour.png"]
    qtbot.waitUntil(lambda: desk.rows == ["harbour.png"])


def test_pictures_are_pasted_from_programs_and_from_file_managers(desk: Desk, qtbot: QtBot, picture: Path) -> None:
    mime = QMimeData()
    mime.setImageData(image(60, 40))
    editor(desk).insertFromMimeData(mime)
    editor(desk).insertFromMimeData(mime_of(picture))
    qtbot.waitUntil(lambda: len(chips(desk)) == 2)
    assert sorted(chips(desk)) == ["Pasted picture.png 60 x 40", "harbour.png 300 x 200"]
    cells = QMimeData()  # a table program puts a picture of the cells beside their text
    cells.setImageData(image(60, 40))
    cells.setText("1\t2")
    editor(desk).insertFromMimeData(cells)
    assert editor(desk).toPlainText() == "1\t2" and len(chips(desk)) == 2


def test_the_button_opens_a_menu_whose_entries_ask_for_files(desk: Desk, qtbot: QtBot, picture: Path) -> None:
    button = find(desk.page, QToolButton, "composerAttach")
    assert button.isVisible() and button.accessibleName() == "Attach a file"
    menu = find(desk.page, QMenu, "attachMenu")
    assert [action.text() for action in menu.actions()] == ["Documents…", "Pictures…", "Sound…"]
    menu.actions()[1].trigger()
    dialog = find(desk.page, QFileDialog, "attachDialog")
    assert "*.png" in dialog.nameFilters()[0]
    dialog.filesSelected.emit([str(picture)])
    dialog.close()
    qtbot.waitUntil(lambda: chips(desk) == ["harbour.png 300 x 200"])


def test_a_chip_is_taken_back_and_both_are_undone_before_what_was_typed_earlier(
    desk: Desk, qtbot: QtBot, picture: Path
) -> None:
    qtbot.keyClicks(editor(desk), "Look")
    attach(desk, qtbot, picture)
    remove = find(desk.page, QToolButton, "attachedRemove")
    assert remove.accessibleName() == "Remove harbour.png"
    qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    assert chips(desk) == []
    qtbot.keyClick(editor(desk), Qt.Key.Key_Z, CTRL)
    assert chips(desk) == ["harbour.png 300 x 200"]
    qtbot.keyClick(editor(desk), Qt.Key.Key_Z, CTRL)
    assert chips(desk) == [] and editor(desk).toPlainText() == "Look"


def test_the_same_picture_is_attached_once_and_no_more_files_than_go_with_a_message(
    desk: Desk, qtbot: QtBot, tmp_path: Path, picture: Path
) -> None:
    attach(desk, qtbot, picture)
    assert drop(desk, picture)
    qtbot.waitUntil(lambda: not desk.page._composer.attached.waiting)
    assert len(chips(desk)) == 1
    many = [saved(tmp_path / f"{number}.png", (30 + number, 20)) for number in range(MOST_ATTACHED)]
    drop(desk, *many)
    qtbot.waitUntil(lambda: len(chips(desk)) == MOST_ATTACHED)
    (told,) = (one for one in desk.told if isinstance(one, HeftError))
    assert told.message == f"At most {MOST_ATTACHED} files go with one message; 1 were left out."


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("huge.png", promised_png(50_000, 50_000), "huge.png: This picture is too large"),
        ("cut.png", encoded(image(300, 200))[:200], "cut.png: This picture is damaged"),
        ("letter.png", b"Dear Sir", "letter.png is neither a picture nor sound"),
        ("empty.png", b"", "empty.png is empty."),
    ],
)
def test_what_cannot_be_read_is_said_and_leaves_no_chip(
    desk: Desk, qtbot: QtBot, tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    assert drop(desk, tmp_path / name)
    qtbot.waitUntil(lambda: bool(desk.told))
    (told,) = desk.told
    assert isinstance(told, HeftError) and told.message.startswith(words) and told.hint
    assert chips(desk) == [] and not desk.page._composer.attached.waiting


def test_a_model_that_sees_nothing_is_said_while_choosing_and_nothing_is_dropped(
    desk: Desk, qtbot: QtBot, picture: Path
) -> None:
    load(desk)
    attach(desk, qtbot, picture)
    assert chips(desk) == ["harbour.png not seen by this model"]
    assert desk.label("noticeText").startswith("smol cannot see pictures.")
    desk.write("What is this?")
    told = desk.told[-1]
    assert isinstance(told, HeftError) and "fetch its projector" in told.hint
    assert desk.page._talk.branch == () and desk.page._composer.text == "What is this?" and len(chips(desk)) == 1
    load(desk, "image")
    qtbot.waitUntil(lambda: chips(desk) == ["harbour.png 300 x 200, 256 tokens"])
    qtbot.keyClick(editor(desk), Qt.Key.Key_Return)
    assert [one.name for one in asked(desk, qtbot).attachments] == ["harbour.png"]


def test_an_edited_question_keeps_its_picture_unless_it_is_removed(desk: Desk, qtbot: QtBot, picture: Path) -> None:
    load(desk, "image")
    attach(desk, qtbot, picture)
    desk.write("What is this?")
    first = asked(desk, qtbot)
    desk.engine.say("A harbour")
    desk.engine.finish()
    qtbot.waitUntil(lambda: not desk.page._talk.busy)
    desk.page._edit(first.id)
    assert chips(desk) == ["harbour.png 300 x 200, 256 tokens"]
    qtbot.keyClicks(editor(desk), " Say more.")
    qtbot.keyClick(editor(desk), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.page._talk.branch[-2].content == "What is this? Say more.")
    assert desk.page._talk.branch[-2].attachments == first.attachments


def test_a_dropped_model_is_left_to_the_window(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other.gguf").touch()
    assert not drop(desk, tmp_path / "other.gguf")


def test_a_file_that_is_read_for_long_can_be_given_up(
    desk: Desk, qtbot: QtBot, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    real = desk.attachments.of_file

    def held(path: Path, cancelled: Cancelled) -> Enclosed:
        begun.set()
        go_on.wait(30)
        found = real(path, cancelled)
        ended.set()
        return found

    monkeypatch.setattr(desk.attachments, "of_file", held)
    assert drop(desk, picture)
    (chip,) = [one for one in desk.page.findChildren(QFrame, "attachedReading") if one.isVisible()]
    assert chip.accessibleName() == "Reading harbour.png…"
    assert not find(desk.page, QPushButton, "composerSend").isEnabled()
    qtbot.waitUntil(begun.is_set)
    qtbot.mouseClick(find(desk.page, QToolButton, "attachedCancel"), Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(ended.is_set, timeout=20_000)
    assert not desk.page._composer.attached.waiting and chips(desk) == []


def test_chips_keep_their_buttons_within_reach_in_the_smallest_window(desk: Desk, qtbot: QtBot, tmp_path: Path) -> None:
    load(desk)
    attach(desk, qtbot, saved(tmp_path / "a rather long name of a picture from a camera.png"))
    desk.page.resize(756, 490)
    row = desk.page._composer.attached
    button = find(desk.page, QToolButton, "attachedRemove")
    qtbot.waitUntil(lambda: button.mapTo(row, button.rect().bottomRight()).x() <= row.width())
    (chip,) = (one for one in desk.page.findChildren(QFrame, "attachedFile") if one.isVisible())
    assert chip.geometry().right() <= row.width()
    assert "not seen by this model" in chip.accessibleName()
