"""The page Serve: switched on and off, opened to the network, its key, and what it says when it cannot."""

from __future__ import annotations

import errno

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from support.serve_page import MakePage
from support.serving import Serving, served
from support.widgets import find

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.services.serve.api import ModelState
from desktop.store import options
from desktop.ui.serve import actions
from desktop.ui.shell.theme import Theme

CHAT = ModelState(served("qwen3-8b", quantization="Q5_K_M"))


def test_off_it_says_what_it_is_for_and_one_press_switches_it_on(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    assert made.says("servePhase") == "○ off" and not made.button("serveSwitch").isChecked()
    assert "programs you use already" in made.says("serveNoticeTitle")
    assert "nothing listens" in made.says("serveNoticeText") and made.says("serveReach") == ""
    made.press("serveNoticeSwitch")
    made.until_phase("● on")
    assert "no keyring" in made.says("serveKeyNote")
    assert made.button("serveSwitch").isChecked() and made.says("serveReach") == "this computer only"
    assert made.says("serveNoticeTitle") == "" and made.serving.door.open
    assert made.button("serveSwitch").hasFocus(), "the button that had the keyboard is gone"
    made.press("serveSwitch")
    made.until_phase("○ off")
    assert not made.serving.door.open and made.says("serveNoticeTitle") != ""


def test_the_switch_is_worked_by_keyboard_and_keeps_it(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    switch = made.button("serveSwitch")
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    made.until_phase("on")
    assert switch.hasFocus() and switch.isChecked() and switch.accessibleName() == "Serve other programs"


def test_a_taken_port_is_told_with_the_page_of_the_settings_and_tried_again(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.serving.fault = OSError(errno.EADDRINUSE, "in use")
    made.press("serveSwitch")
    made.until_phase("✕ could not start")
    assert "listens on port 8321" in made.says("serveNoticeTitle") and "another port" in made.says("serveNoticeText")
    assert not made.button("serveSwitch").isChecked() and not made.button("serveStopOther").isVisible()
    with qtbot.waitSignal(made.page.settings_asked) as asked:
        made.press("serveNoticeSettings")
    assert asked.args == ["serve"]
    made.serving.fault = None
    made.press("serveTryAgain")
    made.until_phase("on")


def test_a_port_that_cannot_be_while_it_serves_is_told_and_what_was_goes_on(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    made.serving.faults = {8500: OSError(errno.EADDRINUSE, "in use")}
    made.serving.settings.set(options.SERVE_PORT, 8500)
    qtbot.waitUntil(lambda: "port 8500" in made.says("serveNoticeTitle"))
    made.until_phase("● on")
    assert "What was before goes on." in made.says("serveNoticeText") and made.button("serveSwitch").isChecked()
    assert made.field("serveAddress") == "http://127.0.0.1:8321/v1"
    made.serving.settings.set(options.SERVE_PORT, 8321)
    qtbot.waitUntil(lambda: made.says("serveNoticeTitle") == "")


def test_what_is_pressed_during_a_switch_is_done_after_it(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.serving.may_open.clear()
    made.press("serveSwitch")
    made.until_phase("starting")
    made.press("serveSwitch")
    made.serving.may_open.set()
    qtbot.waitUntil(lambda: bool(made.serving.doors))
    made.until_phase("off")
    assert not made.serving.door.open and not made.button("serveSwitch").isChecked()


def test_another_process_that_serves_is_named_and_can_be_stopped(make_page: MakePage) -> None:
    made = make_page(CHAT)
    other = Serving(made.serving.paths)
    other.service.by = "command"
    other.service.switch_on()
    made.press("serveSwitch")
    made.until_phase("could not start")
    assert "heft serve (process" in made.says("serveNoticeTitle")
    made.press("serveStopOther")
    made.until_phase("on")
    assert other.service.state.phase == "off"
    other.service.close()


def test_what_another_process_serves_is_said_before_anything_is_pressed(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    other = Serving(made.serving.paths)
    other.service.by = "command"
    other.service.switch_on()
    made.page.hide()
    made.page.show()
    qtbot.waitUntil(lambda: "heft serve (process" in made.says("serveNoticeTitle"))
    assert made.says("servePhase") == "○ off" and not made.button("serveNoticeSwitch").isVisible()
    made.press("serveStopOther")
    made.until_phase("on")
    other.service.close()


def test_opening_to_the_network_warns_first_and_is_undone_at_once(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    made.press("serveNetwork")
    said = made.answer("serveNetworkQuestion", "serveNetworkConfirm")
    assert "needs the key" in said and "Nothing is encrypted" in said
    qtbot.waitUntil(lambda: made.says("serveReach") == "open to your network")
    qtbot.waitUntil(lambda: len(made.serving.doors) == 2 and made.serving.door.open)
    assert made.serving.door.wishes.host == "0.0.0.0" and made.serving.door.wishes.key
    assert made.button("serveNetwork").text() == "This computer only"
    made.press("serveNetwork")
    qtbot.waitUntil(lambda: made.says("serveReach") == "this computer only")


def test_a_warning_that_is_left_opens_nothing(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    made.press("serveNetwork")
    qtbot.waitUntil(lambda: bool(made._questions("serveNetworkQuestion")))
    qtbot.keyClick(made._questions("serveNetworkQuestion")[0], Qt.Key.Key_Escape)
    assert not made.serving.settings.get(options.SERVE_NETWORK) and len(made.serving.doors) == 1


@pytest.mark.parametrize("button", ["serveNetwork", "serveNewKey", "serveWebPage"])
def test_enter_leaves_a_question_without_doing_anything(make_page: MakePage, qtbot: QtBot, button: str) -> None:
    made = make_page(CHAT)
    made.switch_on()
    key = made.serving.key.get()
    made.press(button)
    qtbot.waitUntil(lambda: bool(made._questions(f"{button}Question")))
    box = made._questions(f"{button}Question")[0]
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not made._questions(f"{button}Question"))
    assert not made.serving.settings.get(options.SERVE_NETWORK) and not made.serving.settings.get(
        options.SERVE_WEB_PAGE
    )
    assert made.serving.key.get() == key and len(made.serving.doors) == 1


def test_the_address_is_copied(make_page: MakePage) -> None:
    made = make_page(CHAT)
    assert made.field("serveAddress") == "http://127.0.0.1:8321/v1"
    made.press("serveCopyAddress")
    assert made.clipboard() == "http://127.0.0.1:8321/v1" and made.told == ["The address is copied."]


def test_the_key_is_hidden_until_it_is_shown_and_copied_without(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    key = made.serving.key.get()
    assert key not in made.field("serveKey") and "•••" in made.field("serveKey")
    made.press("serveCopyKey")
    qtbot.waitUntil(lambda: made.clipboard() == key)
    assert key not in made.field("serveKey")
    assert "no keyring" in made.says("serveKeyNote")
    made.press("serveShowKey")
    qtbot.waitUntil(lambda: made.field("serveKey") == key)
    assert made.button("serveShowKey").text() == "Hide"
    made.press("serveShowKey")
    assert "•••" in made.field("serveKey") and made.button("serveShowKey").text() == "Show"


def test_a_shown_key_is_hidden_when_another_page_comes_into_view(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.press("serveShowKey")
    qtbot.waitUntil(lambda: "•••" not in made.field("serveKey"))
    made.page.hide()
    assert "•••" in made.field("serveKey")


def test_a_new_key_is_made_after_a_question(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    before = made.serving.key.get()
    made.press("serveNewKey")
    assert "refused until you give it the new one" in made.answer("serveNewKeyQuestion", "serveNewKeyConfirm")
    qtbot.waitUntil(lambda: any("new key" in str(words) for words in made.told))
    assert made.serving.door.wishes.key == made.serving.key.get() != before


def test_the_web_page_is_switched_on_and_off(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.press("serveWebPage")
    assert "asks for the key" in made.answer("serveWebPageQuestion", "serveWebPageSwitch")
    qtbot.waitUntil(lambda: made.serving.settings.get(options.SERVE_WEB_PAGE))
    qtbot.waitUntil(lambda: made.serving.service.state.web_page)


def test_settings_and_log_are_a_press_away(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    with qtbot.waitSignal(made.page.settings_asked) as asked:
        made.press("serveSettings")
    assert asked.args == ["serve"]
    made.press("serveLog")
    text = find(made.page, QPlainTextEdit, "serveLogText")
    assert text.isVisible() and text.toPlainText() == "Nothing has happened yet."
    qtbot.mouseClick(find(made.page, QAbstractButton, "serveLogClose"), Qt.MouseButton.LeftButton)


def test_a_model_that_does_not_load_is_told(make_page: MakePage, qtbot: QtBot) -> None:
    made = make_page(CHAT)
    made.switch_on()
    made.serving.lender.refusal = EngineError("It needs 41 GB.", kind=FailureKind.OUT_OF_MEMORY)
    made.table("serveModels").selectRow(0)
    made.press("serveLoad")
    qtbot.waitUntil(lambda: any(isinstance(words, HeftError) for words in made.told))


def test_models_that_cannot_be_looked_through_are_told_once(
    make_page: MakePage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_page(CHAT)
    looks: list[bool] = []

    def states() -> tuple[ModelState, ...]:
        looks.append(True)
        raise HeftError("The folder cannot be read.", "Look at its permissions.")

    monkeypatch.setattr(made.serving.lender, "states", states)
    for count in (1, 2):
        made.watch.look()
        qtbot.waitUntil(lambda count=count: len(looks) == count)  # type: ignore[misc]
    made.watch.look()
    qtbot.waitUntil(lambda: len(looks) == 3)
    assert len([words for words in made.told if isinstance(words, HeftError)]) == 1


def test_every_action_is_connected_and_every_control_has_a_name(make_page: MakePage) -> None:
    made = make_page(CHAT)
    assert made.page.commands.unconnected() == []
    for button in made.page.findChildren(QAbstractButton):
        if button.isVisible() and button.objectName() != "qt_tableview_cornerbutton":
            assert button.accessibleName(), button.objectName()
    assert actions.LOAD.keys[0] == "Enter"


@pytest.mark.parametrize("size", [(744, 490), (1204, 770)])
def test_nothing_is_wider_than_the_page(make_page: MakePage, size: tuple[int, int], theme: Theme) -> None:
    made = make_page(CHAT, size=size)
    made.switch_on()
    bar = find(made.page, QWidget, "serveScroll").horizontalScrollBar()  # type: ignore[attr-defined]
    assert bar.maximum() == 0
    theme.set_preference("dark")
    assert bar.maximum() == 0
