"""Every action is declared once, reached by the palette, and by its shortcut in the real window."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.hub_server import HubServer
from support.real_window import RealWindow

from desktop.store.paths import Paths
from desktop.system.packaged import FOLDER
from desktop.ui.chat.actions import CHAT_ACTIONS
from desktop.ui.discover.actions import DISCOVER_ACTIONS
from desktop.ui.inspect.actions import INSPECT_ACTIONS
from desktop.ui.lab.actions import LAB_ACTIONS
from desktop.ui.library.actions import LIBRARY_ACTIONS
from desktop.ui.machine.actions import MACHINE_ACTIONS
from desktop.ui.serve.actions import SERVE_ACTIONS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys, actions_of
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.actions import WINDOW_ACTIONS, visit
from desktop.ui.shell.keys import answer, hear, listed_keys, matches, sequences, tooltip

PAGES: dict[str, Declared] = {
    "discover": DISCOVER_ACTIONS,
    "library": LIBRARY_ACTIONS,
    "chat": CHAT_ACTIONS,
    "inspect": INSPECT_ACTIONS,
    "serve": SERVE_ACTIONS,
    "machine": MACHINE_ACTIONS,
    "lab": LAB_ACTIONS,
}
WINDOW: Declared = (*(visit(at + 1, name, name.title(), name) for at, name in enumerate(PAGES)), *WINDOW_ACTIONS)

FRAGILE = Condition("whole", "It is broken.")
GO = Action("test.go", "Go on…", ("Ctrl+G", "F7"), tip="Go on to the next", short="Go", needs=(FRAGILE,))
QUIET = Action("test.quiet", "Be quiet")
TURN = Action("test.turn", "Turn it on", checkable=True)


# -- the declarations ----------------------------------------------------------------------------


def keys_by_place(declared: Declared) -> dict[str, list[str]]:
    """Portable keys of a table, by the widget that hears them ("" for everywhere it applies)."""
    found: dict[str, list[str]] = {}
    for entry in declared:
        found.setdefault(entry.widget, []).extend(QKeySequence(key).toString() for key in entry.keys)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_no_key_means_two_things_at_one_place(page: str) -> None:
    everywhere = keys_by_place(WINDOW).pop("")
    places = keys_by_place(PAGES[page])
    in_view = everywhere + places.pop("", [])
    assert [key for key, count in Counter(in_view).items() if count > 1] == []
    for widget, keys in places.items():
        twice = [key for key, count in Counter(in_view + keys).items() if count > 1]
        assert twice == [], f"{widget}: {twice}"


def test_every_key_is_one_that_qt_knows() -> None:
    for declared in (WINDOW, *PAGES.values()):
        for entry in declared:
            for key in entry.keys:
                assert QKeySequence.fromString(key).toString() == key, f"{entry.words}: {key}"


def test_ids_and_words_are_told_apart_and_icons_exist() -> None:
    # What several pages do is one declaration in all of their tables.
    every = list(dict.fromkeys(action for declared in (WINDOW, *PAGES.values()) for action in actions_of(declared)))
    assert [name for name, count in Counter(action.id for action in every).items() if count > 1] == []
    for declared in (WINDOW, *PAGES.values()):
        words = Counter(action.words for action in actions_of(declared))
        assert [word for word, count in words.items() if count > 1] == []
    assert all(action.icon == "" or (FOLDER / "icons" / f"{action.icon}.svg").is_file() for action in every)
    reasons = {need.name: need for action in every for need in action.needs}
    assert all(need == reasons[need.name] for action in every for need in action.needs)
    for page, declared in PAGES.items():
        assert all(action.id.split(".")[0] in (page, "transcript", "what-if") for action in actions_of(declared))


# -- the registry --------------------------------------------------------------------------------


@pytest.fixture
def owner(qtbot: QtBot) -> QWidget:
    made = QWidget()
    QVBoxLayout(made).addWidget(QPlainTextEdit())
    qtbot.addWidget(made)
    return made


def press(widget: QWidget, keys: str) -> None:
    QTest.keySequence(widget, QKeySequence(keys))


def show(qtbot: QtBot, owner: QWidget) -> None:
    with qtbot.waitExposed(owner):
        owner.show()
    owner.activateWindow()
    qtbot.waitUntil(owner.isActiveWindow)


def test_shortcuts_buttons_and_menus_do_it_and_say_why_they_cannot(qtbot: QtBot, owner: QWidget) -> None:
    registry = ActionRegistry((GO, QUIET, TURN), owner)
    done: list[str] = []
    refused: list[object] = []
    registry.refused.connect(refused.append)
    registry.connect_to(GO, lambda: done.append("go"))
    registry.connect_to(QUIET, lambda: done.append("quiet"))
    assert registry.unconnected() == ["test.turn"]
    button = registry.button(GO, "goButton")
    owner.layout().addWidget(button)
    show(qtbot, owner)
    assert (button.text(), button.toolTip(), button.accessibleName()) == (
        "Go",
        "Go on to the next (Ctrl+G)",
        "Go on to the next",
    )
    press(owner, "Ctrl+G")
    press(owner, "F7")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    registry.qaction(QUIET).trigger()
    assert done == ["go", "go", "go", "quiet"]
    registry.allow(FRAGILE, False)
    assert not button.isEnabled() and button.toolTip() == "It is broken."
    press(owner, "Ctrl+G")
    assert refused == ["It is broken."]
    registry.allow(FRAGILE, False, "It is being mended.")
    assert registry.trigger(GO) == "It is being mended." == button.toolTip()
    assert len(done) == 4 and len(refused) == 1
    registry.allow(FRAGILE, True)
    assert button.isEnabled() and registry.reason(GO) == ""


def test_a_condition_is_asked_where_nobody_tells_of_it(owner: QWidget) -> None:
    registry = ActionRegistry((GO,), owner)
    made = registry.connect_to(GO, lambda: None)
    whole = [False]
    registry.ask(FRAGILE, lambda: whole[0])
    assert registry.reason(GO) == "It is broken." and not made.isEnabled()
    whole[0] = True
    assert registry.trigger(GO) == "" and made.isEnabled()


def test_what_is_not_declared_cannot_be_connected(owner: QWidget) -> None:
    with pytest.raises(KeyError):
        ActionRegistry((GO,), owner).connect_to(QUIET, lambda: None)


def test_shortcuts_of_a_hidden_page_do_nothing(qtbot: QtBot, owner: QWidget) -> None:
    done: list[str] = []
    pages = [QWidget(owner), QWidget(owner)]
    for number, page in enumerate(pages):
        owner.layout().addWidget(page)
        registry = ActionRegistry((Action("test.same", "Same", ("Ctrl+J",)),), page)
        registry.connect_to(registry.actions[0], lambda number=number: done.append(str(number)))  # type: ignore[misc]
    pages[1].hide()
    show(qtbot, owner)
    press(owner, "Ctrl+J")
    pages[0].hide()
    pages[1].show()
    press(owner, "Ctrl+J")
    assert done == ["0", "1"]


def test_a_widget_hears_its_own_keys_only_while_it_has_the_keyboard(qtbot: QtBot, owner: QWidget) -> None:
    done: list[bool] = []
    one, other = QPushButton("one"), QPushButton("other")
    for widget in (one, other):
        owner.layout().addWidget(widget)
    hear(one, Action("test.own", "Own", ("Del",), widget="one"), lambda: done.append(True))
    show(qtbot, owner)
    other.setFocus()
    press(other, "Del")
    one.setFocus()
    press(one, "Del")
    assert done == [True]


@pytest.mark.parametrize("repeats", [False, True])
def test_a_key_held_down_does_an_action_once_or_goes_on_as_declared(qtbot: QtBot, repeats: bool) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    hear(owner, Action("test.held", "Held", ("F7",), repeats=repeats), lambda: None)
    (shortcut,) = owner.findChildren(QShortcut)
    assert shortcut.autoRepeat() is repeats


def test_keys_as_they_are_listed() -> None:
    assert listed_keys(GO) == "Ctrl+G or F7"
    assert listed_keys(Action("test.enter", "Do it", ("Enter", "Return"))) == "Enter"
    assert listed_keys(QUIET) == ""
    moves = WidgetKeys("Move", "map", (("Left", -1), ("Right", 1)), mouse="wheel")
    assert listed_keys(moves) == "Left, Right, wheel"
    assert tooltip(QUIET) == "Be quiet"


def test_an_event_is_matched_whatever_keypad_or_layout_it_comes_from(qtbot: QtBot) -> None:
    heard: list[object] = []
    plus = Action("test.plus", "More", ("+",))
    moves = WidgetKeys("Move", "map", (("Home", "first"), ("Ctrl+Home", "all")))

    class Listener(QWidget):
        def keyPressEvent(self, event: QKeyEvent) -> None:
            if event.text() or event.key() == Qt.Key.Key_Home:  # no key that only modifies another
                heard.append("plus" if matches(event, plus) else answer(event, moves))

    widget = Listener()
    qtbot.addWidget(widget)
    none, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
    for key, modifiers in (
        (Qt.Key.Key_Plus, none),
        (Qt.Key.Key_Plus, shift),
        (Qt.Key.Key_Plus, Qt.KeyboardModifier.KeypadModifier),
        (Qt.Key.Key_Home, none),
        (Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Home, shift),
        (Qt.Key.Key_A, none),
    ):
        QTest.keyClick(widget, key, modifiers)
    assert heard == ["plus", "plus", "plus", "first", "all", None, None]


# -- the real window -----------------------------------------------------------------------------


@pytest.fixture
def real(
    qtbot: QtBot, qapp: QApplication, paths: Paths, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealWindow]:
    made = RealWindow(qtbot, qapp, paths, hub, monkeypatch)
    yield made
    made.close()


@pytest.mark.leaves_threads  # the page Machine measures the memory, which nothing waits for
@pytest.mark.parametrize("page", ["", *PAGES])
def test_every_action_is_connected_and_its_shortcut_does_it(real: RealWindow, page: str, qtbot: QtBot) -> None:
    window = real.window
    shown = window.go_to(page or "library")
    registry = shown.commands if page else window.commands
    assert registry.unconnected() == []
    for condition in {need for action in registry.actions for need in action.needs}:
        registry.ask(condition, lambda: True)
    for action in registry.actions:
        made = registry.qaction(action)
        assert registry.reason(action) == ""
        done: list[str] = []
        made.triggered.disconnect()  # only whether it is triggered is looked at here
        made.triggered.connect(lambda _=False, done=done, action=action: done.append(action.id))
        if action.widget:
            continue
        for keys in sequences(action):
            window.go_to(page or "library")
            for focus in (window.focusWidget(), window.findChild(QAbstractButton, "navigate_chat")):
                assert focus is not None
                focus.setFocus()
                QTest.keySequence(focus, keys)
                assert done.pop() == action.id, keys.toString()
                assert done == []


def test_shortcuts_go_before_what_a_text_field_makes_of_the_keys(real: RealWindow) -> None:
    window = real.window
    window.go_to("chat")
    editor = window.findChild(QPlainTextEdit, "composerText")
    assert editor is not None
    editor.setPlainText("some words")
    editor.moveCursor(editor.textCursor().MoveOperation.Start)
    press(editor, "Ctrl+K")  # deletes to the end of the line in text fields of X11
    assert window.findChild(QWidget, "palette").isVisible()
    assert editor.toPlainText() == "some words"


TO_THE_FIRST_PAINT = """
import os, runpy, sys, threading
seen, stderr = [], sys.stderr
class Watch:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            seen.append(name)
    def write(self, text):
        stderr.write(text)
        if text.startswith("heft-ready"):
            print(*seen, flush=True)
            os._exit(0)
    def __getattr__(self, name):
        return getattr(stderr, name)
sys.meta_path.insert(0, Watch())
sys.stderr, sys.argv = Watch(), ["desktop"]
runpy.run_module("desktop", run_name="__main__")
"""


def test_a_start_imports_nothing_that_only_later_actions_need(tmp_path: Path) -> None:
    late = {
        "desktop.ui.shared.transcript", "desktop.ui.shell.palette", "desktop.core.fuzzy", "pygments", "markdown_it",
        "desktop.engine.server.client", "jinja2", "http.client", "desktop.core.markdown", "desktop.core.memory",
        "desktop.core.speed", "desktop.services.documents.service", "desktop.services.tools.service",
        "desktop.mcp.session", "psutil", "email", "ssl", "mcp", "huggingface_hub", "numpy",
    }  # fmt: skip
    environment = {**os.environ, "HEFT_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "HEFT_STARTUP_MARK": "1"}
    command = [sys.executable, "-c", TO_THE_FIRST_PAINT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    seen = set(done.stdout.split())
    assert "desktop.ui.chat.page" in seen, done.stderr
    assert sorted(seen & late) == []


NO_ACTION = {
    "answers to what is told or asked beside them": r".*(Again|Settings|Dismiss|Notice|CopyFailure|Remedy|Near\d?)|"
    r"discover(Page|Inspect|Note|UseToken|MakeToken)|.*Calibrat(eNow|eLater|ionCancel)|.*Cancel(Scan|Edit)?|cancelLoad|link(Open|Copy)",
    "they move what is shown, as keys do": r"jumpToNewest",
    "they open a menu or a card, whose entries are settings or actions": r"machineMenu|downloadPlace|libraryFolders|"
    r"filter(More|Sort)|modelButton|thinkingButton|toolsButton|composerAttach|presetMenu|promptMenu|pickerOpenMore|"
    r"serveEditors",
    "values beside other values": r"filter_.*|serveSnippet_\w+|along_\w+|loadReset|loadDevice\w+|\w+Reset|"
    r"(expert|model|prompt|sampling)Fold|keepAlternatives|lab(Blind|InTurn)",
    "they unfold an explanation where it stands": r"lossExplain|machineProbesFold",
    "Qt's own": r"|Scroll(Left|Right)Button|qt_tableview_cornerbutton",
    "actions that are declared under other words": r"newChat|composerSend|libraryClearSearch|openModelFile|"
    r"inspectEmpty(Hub|Loaded)|serveSwitch",
}


@pytest.mark.leaves_threads
def test_what_a_button_does_the_palette_does_too(real: RealWindow, qtbot: QtBot) -> None:
    window = real.window
    every = (*WINDOW, *(entry for declared in PAGES.values() for entry in declared))
    words = {said for action in actions_of(every) for said in (action.words, action.short) if said}
    missing = []
    window.go_to("chat")
    qtbot.waitUntil(lambda: window.findChild(QAbstractButton, "jumpToNewest") is not None)  # it comes after the start
    for page in PAGES:
        for button in window.go_to(page).findChildren(QAbstractButton):
            said = button.text().rstrip(" ▾▴").replace("&&", "&")
            if said not in words and not re.fullmatch("|".join(NO_ACTION.values()), button.objectName()):
                missing.append(f"{page}: {button.objectName()} {said!r}")
    assert missing == [], missing


@pytest.mark.leaves_threads
@pytest.mark.parametrize("page", ["discover", "library", "machine", "chat"])
def test_what_several_pages_do_is_one_entry_of_the_palette(real: RealWindow, page: str) -> None:
    """ "What if" was listed twice in nearly the same words, from Discover and from Machine."""
    window = real.window
    window.go_to(page)
    QTest.keySequence(window, QKeySequence("Ctrl+K"))
    rows = window.findChild(QListView, "paletteList").model()
    texts = [str(rows.index(row, 0).data()) for row in range(rows.rowCount())]
    assert sorted(text for text in texts if text.startswith("What if")) == [
        "What if: weigh for a saved machine…",
        "What if: weigh for other memory sizes…",
    ]
    assert texts.count("Back to this computer") == 1


@pytest.mark.leaves_threads
def test_no_shortcut_but_a_declared_one(real: RealWindow) -> None:
    window = real.window
    known = {QKeySequence(key).toString() for declared in (WINDOW, *PAGES.values()) for e in declared for key in e.keys}
    for page in PAGES:
        window.go_to(page)
    found = {shortcut.key().toString() for shortcut in window.findChildren(QShortcut)}
    assert found - known == set()
    assert len(found) > 20
