"""Pictures of an imported chat are read as any other: drawn anew, and one that is none is left out."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.png_bytes import plain_png

from desktop.core.attachments import Enclosed


def test_an_imported_picture_is_drawn_anew_and_what_is_none_is_left_out(
    desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    good = Enclosed.of("image", "harbour.png", "image/png", plain_png(64, 40) + b"what else is in the file")
    bad = Enclosed.of("image", "not.png", "image/png", b"not a picture")
    chat = desk.store.create("Harbour")
    desk.store.add(chat.id, None, "user", "What is this?", attachments=(good, bad))
    (tmp_path / "chat.json").write_text(desk.store.export_json(chat.id), encoding="utf-8")
    desk.page._export.bring_in([tmp_path / "chat.json"])
    qtbot.waitUntil(lambda: bool(desk.told), timeout=20_000)
    made = next(each for each in desk.store.chats() if each.id != chat.id)
    (one,) = desk.store.messages(made.id)[0].attachments
    assert (one.name, one.width, one.height) == ("harbour.png", 64, 40)
    assert b"what else" not in desk.store.attachment_data(one)
