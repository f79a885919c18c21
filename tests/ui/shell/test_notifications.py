"""Messages are shown inside the window, counted when they repeat, copied, dismissed; notices leave by themselves."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.ui.shell import notifications as module
from desktop.ui.shell.notifications import NotificationArea, Offer
from desktop.ui.shell.theme import Theme

ERROR = HeftError("The file is damaged.", "Download it again.", detail="tensor 3 at 0x40", kind=FailureKind.BAD_FILE)


@pytest.fixture
def area(qtbot: QtBot, theme: Theme) -> NotificationArea:
    made = NotificationArea(theme)
    qtbot.addWidget(made)
    return made


def texts(area: NotificationArea) -> list[str]:
    return [shown.text for shown in area.notifications]


def test_takes_no_space_until_there_is_something(area: NotificationArea) -> None:
    assert area.isHidden()
    area.show_message(ERROR)
    assert not area.isHidden()


def test_error_says_what_happened_and_the_one_thing_to_do(area: NotificationArea) -> None:
    area.show_message(ERROR)
    shown = [label.text() for label in area.findChildren(QLabel)]
    assert "The file is damaged." in shown
    assert "Download it again." in shown
    assert area.notifications[0].accessibleName() == "The file is damaged."


def test_markup_in_a_message_is_shown_and_not_interpreted(area: NotificationArea) -> None:
    area.show_message(HeftError("<b>bold</b> <img src='http://x'>"))
    (label,) = area.findChildren(QLabel, "notificationMessage")
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_details_are_copied(qtbot: QtBot, area: NotificationArea) -> None:
    area.show_message(ERROR)
    button = area.findChild(QPushButton, "notificationCopy")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == "The file is damaged.\nDownload it again.\n[bad-file]\ntensor 3 at 0x40"


def test_dismissed_from_the_keyboard(qtbot: QtBot, area: NotificationArea) -> None:
    area.show_message(ERROR)
    button = area.findChild(QToolButton, "notificationDismiss")
    assert button.accessibleName()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert texts(area) == []
    assert area.isHidden()


def test_same_failure_told_by_two_services_at_once_is_one(area: NotificationArea) -> None:
    area.show_message(ERROR)
    area.show_message(HeftError(ERROR.message, kind=ERROR.kind))
    assert texts(area) == ["The file is damaged."]


def test_a_failure_that_repeats_later_is_counted(area: NotificationArea, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ECHO_MS", -1)
    for _ in range(3):
        area.show_message(ERROR)
    assert texts(area) == ["The file is damaged. (3 times)"]


def test_notice_leaves_by_itself_and_error_stays(
    qtbot: QtBot, area: NotificationArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTICE_SECONDS", 0.02)
    area.show_message("Copied.")
    area.show_message(ERROR)
    assert texts(area) == ["Copied.", "The file is damaged."]
    qtbot.waitUntil(lambda: texts(area) == ["The file is damaged."])


def test_only_the_newest_are_shown_and_notices_make_room_first(area: NotificationArea) -> None:
    area.show_message(HeftError("one"))
    area.show_message("two")
    area.show_message(HeftError("three"))
    area.show_message(HeftError("four"))
    assert texts(area) == ["one", "three", "four"]
    area.show_message(HeftError("five"))
    assert texts(area) == ["three", "four", "five"]
    assert area.dismiss_last()
    assert texts(area) == ["three", "four"]


def test_an_offer_stays_until_it_is_answered(qtbot: QtBot, area: NotificationArea) -> None:
    done: list[str] = []
    offer = Offer("It happened.", "One thing to do.", (("Save", lambda: done.append("save")), ("Show", done.clear)))
    area.show_message(offer)
    area.show_message(offer)
    (shown,) = area.notifications
    assert shown.stays and shown.text == "It happened."
    button = next(found for found in shown.findChildren(QPushButton) if found.text() == "Save")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == ["save"] and area.notifications == ()
