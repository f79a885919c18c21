"""The real window, everything in it pressed once; prints what was pressed and what went wrong. Run by a test."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QTableView,
    QWidget,
)
from support.led_window import run, until
from support.walker import Walker, settled

from desktop.app import Heft
from desktop.core.errors import HeftError
from desktop.store.paths import default_paths

SETTLE_SECONDS, MOST_SECONDS = 0.02, 2.0
REPO, OTHER = "demo/Llama-3.1-8B-Instruct-GGUF", "demo/Llama-3.1-8B-Instruct-onnx"
GATED = "demo/Qwen2.5-14B-Instruct-gated-GGUF"
# ends the program, so it comes last; fetch and compile for minutes (tests/ui/shell/settings presses them)
LEFT_ALONE = ("Ctrl+Q", "backendBuild_vulkan", "backendBuild_cuda")


class Places:
    """Ways to each place; a way that is at its end already does nothing."""

    def __init__(self, heft: Heft) -> None:
        self.heft, self.window = heft, heft._window
        self.discover: Any = self.window.go_to("discover")
        self.field = self.discover.findChild(QLineEdit, "discoverSearch")
        self.results = self.discover.findChild(QAbstractItemView, "discoverResults")
        self.table = self.discover.findChild(QTableView, "variantTable")

    def page(self, name: str) -> Callable[[], None]:
        def enter() -> None:
            if self.window.current != name:
                self.window.go_to(name)

        return enter

    def found(self, text: str, there: Callable[[], bool]) -> Callable[[], None]:
        """A search in Discover that shows something."""

        def enter() -> None:
            self.page("discover")()
            if self.field.text() != text or not there():
                filters = self.discover._search.filters
                filters.set_all_formats(False)
                filters.set_fits_only(False)
                filters.clear_limits()
                self.discover.search_for(text)
                until(there, f"{text} in Discover")

        return enter

    def repo(self) -> None:
        self.found(REPO, lambda: self.table.isVisible() and self.discover._repo.view.repo.id == REPO)()
        until(lambda: not self.discover._repo.controls._busy.whole_text, "the plan")

    def state(self, text: str, words: str) -> Callable[[], None]:
        state = self.discover._state
        return self.found(text, lambda: state.isVisible() and words in state._text.text() + state._more.text())

    def nothing(self) -> None:
        self.found("qwem 8b", self.discover._search._state._remedy.isVisible)()

    def inspected(self, source: str) -> Callable[[], None]:
        def enter() -> None:
            self.page("inspect")()
            page = self.window.page("inspect")
            if page.inspected is None or page.inspected.source != source:
                self.heft.inspect(source)
                until(lambda: page.inspected is not None and not page.busy, f"{source} in Inspect")

        return enter

    def compared(self, source: str, other: str) -> Callable[[], None]:
        def enter() -> None:
            self.inspected(source)()
            page = self.window.page("inspect")
            if not page._tabs.tab("compare").isVisible():
                page.compare(other)
                until(lambda: not page.busy and page._tabs.tab("compare").isVisible(), "the comparison")

        return enter

    def conversation(self, chat_id: int) -> Callable[[], None]:
        def enter() -> None:
            self.page("chat")()
            page = self.window.page("chat")
            if page._talk.chat is None or page._talk.chat.id != chat_id:
                self.heft._container.chats.undelete(chat_id)  # Del was pressed in the list
                page.open_chat(chat_id)
                until(lambda: len(page._talk.branch) > 1, "the conversation")

        return enter

    def profile(self, path: Path) -> Callable[[], None]:
        def enter() -> None:
            self.page("machine")()
            page = self.window.page("machine")
            if page._profile is None:
                page.load_profile(path)
                until(lambda: page._profile is not None, "the profile")

        return enter

    def told(self) -> None:
        self.page("library")()
        area = self.window.notifications
        if len(area.notifications) < 2:
            area.show_message(HeftError("It failed.", "Try again.", detail="details"))
            area.show_message("A notice.")


class Faults(logging.Handler):
    """Errors that are only logged, and errors of Heft's own making that are only shown."""

    def __init__(self, walker: Walker, heft: Heft) -> None:
        super().__init__(logging.ERROR)
        self._walker = walker
        heft._failures.failed.connect(self._tell)
        heft._tasks.unhandled.connect(self._tell)
        show = heft._window.notifications.show_message

        def shown(what: object) -> None:
            if isinstance(what, HeftError) and what.kind == "internal":
                self._tell(what)
            show(what)

        heft._window.notifications.show_message = shown  # type: ignore[method-assign]
        logging.getLogger().addHandler(self)

    def _tell(self, error: HeftError) -> None:
        self._walker.fault(f"nobody handled: {error.message} {error.detail}")

    def emit(self, record: logging.LogRecord) -> None:
        self._walker.fault(f"logged: {record.getMessage()}")


class Messages:
    """What a message over the smallest window moves or covers, at each place."""

    def __init__(self, heft: Heft) -> None:
        self._window, self._area = heft._window, heft._window.notifications
        self.moved: list[str] = []
        self.covered: list[str] = []

    def look(self, place: str) -> None:
        """Show a message of two lines and compare."""
        while self._area.dismiss_last():
            pass
        QApplication.processEvents()
        before = self._places()
        self._area.show_message(HeftError("It failed, for a reason that takes some words to tell.", "Try it again."))
        QApplication.processEvents()
        after, over = self._places(), self._area.geometry()
        self.moved += [f"{place}: {name}" for name, rect in after.items() if before.get(name) not in (rect, None)]
        controls = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractSpinBox)
        for kind in controls:
            for widget in self._window.findChildren(kind):
                region = widget.visibleRegion().boundingRect().translated(widget.mapTo(self._window, QPoint(0, 0)))
                shown = widget.isVisible() and not self._area.isAncestorOf(widget)
                if shown and region.intersects(over) and not _scrolls(widget):
                    self.covered.append(f"{place}: {kind.__name__} {widget.objectName()}")
        self._area.dismiss_last()

    def _places(self) -> dict[str, QRect]:
        found: dict[str, QRect] = {}
        for widget in self._window.findChildren(QWidget):
            if widget.isVisible() and not self._area.isAncestorOf(widget) and widget.window() is self._window:
                at = QRect(widget.mapTo(self._window, QPoint(0, 0)), widget.size())
                found[f"{id(widget)} {type(widget).__name__} {widget.objectName()}"] = at
        return found


def _scrolls(widget: QWidget) -> bool:
    """Whether it lies in a part of a page that can be scrolled further up."""
    around = widget.parentWidget()
    while around is not None:
        bar = around.verticalScrollBar() if isinstance(around, QScrollArea) else None
        if bar is not None and bar.value() < bar.maximum():
            return True
        around = around.parentWidget()
    return False


def main() -> None:
    """Arguments: the number of a chat, two model files, one of another format, and a machine's profile."""
    chat, (model, other, foreign, profile) = int(sys.argv[1]), sys.argv[2:]
    application = QApplication(["heft"])
    opened: list[str] = []
    QDesktopServices.openUrl = staticmethod(lambda url: opened.append(url.toString()) or True)  # type: ignore
    heft = Heft(application, default_paths(), "")
    heft.show()
    until(lambda: heft._container.engine.state.phase == "ready", "the starter model")
    settle = settled(SETTLE_SECONDS, lambda: not heft._tasks._live, MOST_SECONDS)
    walker = Walker(heft._window, settle, lambda name: any(word in name for word in LEFT_ALONE))
    faults = Faults(walker, heft)
    places = Places(heft)
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("inspect", places.page("inspect")),
        ("messages", places.told),
        ("a conversation", places.conversation(chat)),
        ("chat", places.page("chat")),
        ("discover", places.found("", lambda: places.results.model().rowCount() > 1)),
        ("a repo", places.repo),
        ("another format", places.state(OTHER, "ONNX")),
        ("gated", places.state(GATED, "token")),
        ("nothing found", places.nothing),
        ("library", places.page("library")),
        ("a model", places.inspected(model)),
        ("two models", places.compared(model, other)),
        ("a foreign file", places.inspected(foreign)),
        ("a repo's files", places.inspected(f"hf:{REPO}")),
        ("serve", places.page("serve")),
        ("machine", places.page("machine")),
        ("lab", places.page("lab")),
        ("a profile", places.profile(Path(profile))),
    )
    messages = Messages(heft)
    with walker:
        wide = heft._window.size()
        heft._window.resize(820, 520)
        for name, enter in steps[2:]:
            enter()
            settle()
            messages.look(name)
        heft._window.resize(wide)
        for name, enter in steps:
            walker.walk(name, enter)
            sys.stderr.write(f"{name}: {len(walker.pressed)} pressed\n")  # read when it does not come to its end
    logging.getLogger().removeHandler(faults)
    heft.close_window()
    heft.shut_down()
    found = {"pressed": walker.pressed, "faults": walker.faults, "silent": walker.silent}
    sys.stdout.write(json.dumps({**found, "moved": messages.moved, "covered": messages.covered}))


if __name__ == "__main__":
    run(main)
