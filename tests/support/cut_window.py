"""The real window on every page in given sizes, and what of it is cut. Run as a script, see test_nothing_cut.

python -m support.cut_window MODEL OTHER_MODEL WORD SIZE... ; prints JSON: {"fault": ["SIZE page"]}
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QSpinBox,
    QTabBar,
    QTabWidget,
    QWidget,
)

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.machines import ASSUMED
from desktop.core.progress import Progress
from desktop.core.settings_pages import PAGES as SETTINGS_PAGES
from desktop.services.job_kinds import Job
from desktop.services.serve.api import ModelPhase, ModelState
from desktop.services.serve.service import ServeState
from desktop.ui.chat.sampling_panel import ChatSettings
from desktop.ui.inspect.page import _EMPTY as EMPTY
from desktop.ui.serve.actions import LOG, NEW_KEY, WEB_PAGE
from desktop.ui.serve.asking import ask_network
from desktop.ui.serve.watch import ServeView
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.machine_sizes import MachineSizes
from desktop.ui.shell.window import MINIMUM_SIZE

from .cut import faults
from .cut_painted import painted_faults, transcript_faults
from .led_window import LedWindow, run, until
from .serving import asked, planned, served

LONG = "A very long sentence that says what happened to a file of a very long name, which no window is wide enough for"
EXPERT = {  # of the chat's settings, with a long text, an error and each caption
    "temperature": 1.25, "repeat_last_n": 999_999, "mirostat": 2, "json_schema": '{"type": }', "stop": [LONG, "\n\n"],
    "logit_bias": [[LONG, -100.0]],
}  # fmt: skip


PHASES: tuple[ModelPhase, ...] = ("unloaded", "loading", "ready", "answering")
RECORDS = ("waiting", "answering", "stopped", "refused")


class Tour:
    """Goes through the pages in one size and looks at each."""

    def __init__(self, led: LedWindow, pictures: Path | None) -> None:
        self.led, self.window = led, led.window
        self.found: dict[str, list[str]] = {}
        self.size = ""
        self._pictures = pictures

    def look(self, place: str, widget: QWidget | None = None) -> None:
        """Judge what is visible of the window, or of a dialog over it."""
        self._settle()
        shown = widget or self.window
        small = shown.width() < MINIMUM_SIZE.width() or shown.height() < MINIMUM_SIZE.height()
        with painted_faults() as painted:
            picture = shown.grab()
        found = [*faults(shown, sideways=small and shown is self.window), *painted, *transcript_faults(shown)]
        for fault in found:
            self.found.setdefault(fault, []).append(f"{self.size} {place}")
        if self._pictures is not None:
            picture.save(str(self._pictures / f"{self.size} {place}.png"))

    def _settle(self) -> None:
        for _ in range(3):
            QApplication.processEvents()
            QTest.qWait(20)

    def dialog(self, place: str, open_it: Callable[[], object]) -> None:
        """Open a dialog, look at it, close it."""
        open_it()
        until(self._dialogs, f"the dialog of {place}")
        shown = self._dialogs()[0]
        if place == "about":
            table = shown.findChild(QAbstractItemView, "aboutParts")
            until(lambda: table.model().rowCount(QModelIndex()) > 0, "the parts")
        self.look(place, shown)
        if shown.width() > self.window.width() or shown.height() > self.window.height():
            words = f"{shown.width()}x{shown.height()} is larger than the window"
            self.found.setdefault(words, []).append(f"{self.size} {place}")
        shown.close()
        until(lambda: not self._dialogs(), f"the end of {place}")

    def _dialogs(self) -> list[QDialog]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog | QMessageBox) and w.isVisible()]


def _rows(view: QAbstractItemView | None) -> int:
    assert view is not None
    return view.model().rowCount(QModelIndex())


def chat(tour: Tour) -> None:
    page: Any = tour.window.go_to("chat")
    tour.look("chat, empty")
    pane = page._list
    until(lambda: pane.chats.rowCount() > 0, "the chats")
    page.open_chat(pane.chats.chat_at(0).id)
    until(lambda: page._talk.chat is not None and page._talk.branch, "the chat")
    tour.look("chat")
    page._talk.failed.emit(HeftError(LONG, LONG, kind=FailureKind.NO_MODEL))
    page._edit()
    tour.look("chat, editing after a refusal")
    page._composer.cancel_edit()
    page._refused = None
    pane.offer_undo(1, LONG)
    bar = page._side.findChild(QWidget, "chatSideScroll").verticalScrollBar()
    bar.setValue(bar.maximum())
    tour.look("chat, scrolled")
    panel = page._side.settings
    panel.set_values(ChatSettings(sampling=EXPERT))
    panel.findChild(QAbstractButton, "expertFold").setChecked(True)
    until(lambda: bar.maximum() > 0 and panel.findChild(QWidget, "stop").isVisible(), "the fold")
    for place in range(0, bar.maximum() + bar.pageStep(), bar.pageStep()):
        bar.setValue(place)
        tour.look(f"chat, expert settings at {place}")
    panel.findChild(QAbstractButton, "expertFold").setChecked(False)
    bar.setValue(0)


def library(tour: Tour) -> None:
    page: Any = tour.window.go_to("library")
    table = page.findChild(QAbstractItemView, "libraryTable")
    until(lambda: _rows(table) > 2, "the models")
    for row in range(min(3, _rows(table))):
        table.setCurrentIndex(table.model().index(row, 0))
        tour.look(f"library, row {row}")
    set_up = page.findChild(QAbstractButton, "librarySetUp")
    set_up.setChecked(True)
    said = page.findChild(ElidedLabel, "libraryDetailsPlan")
    until(lambda: said.whole_text != "…", "the plan")
    tour.look("library, how it loads")
    set_up.setChecked(False)
    page._what_if._chosen.choose(_other_machine())
    tour.look("library, what if")
    page._what_if._chosen.choose(None)
    page._search.setText("nothing is called like this")
    tour.look("library, nothing found")
    page._search.clear()


def inspect(tour: Tour, model: str, other: str, repo: str) -> None:
    page: Any = tour.window.go_to("inspect")
    page.cancel()
    page._body.setCurrentIndex(EMPTY)
    tour.look("inspect, empty")
    tour.led.heft.inspect(model)
    until(lambda: page.inspected is not None and not page.busy, "the model")
    tabs = page.findChild(QTabBar, "inspectTabBar")
    for at in range(tabs.count()):
        if tabs.isTabVisible(at):
            tabs.setCurrentIndex(at)
            name = page._tabs.current
            _until_read(name, page)
            tour.look(f"inspect, {name}")
    page.compare(other)
    until(lambda: not page.busy and page._tabs.current == "compare", "the comparison")
    tour.look("inspect, compare")
    page.open(repo)
    until(lambda: not page.busy and page.inspected is not None and not page.inspected.files, "the repo")
    tour.look("inspect, a repo")
    page.open("/nowhere/" + "long" * 40 + ".gguf")
    until(lambda: not page.busy, "the failure")
    tour.look("inspect, a failure")
    page._failure.hide()


def _until_read(name: str, page: Any) -> None:
    if name == "metadata":
        until(lambda: page._tabs.shown._rows.shown > 0, "the metadata")
    QTest.qWait(150)


def _other_machine() -> Machine:
    card = Gpu("A graphics card of a long name", total_bytes=24 << 30, probe=ASSUMED)
    return Machine(Cpu("x"), Memory(64_000_000_000, 60_000_000_000), (card, card))


def discover(tour: Tour, word: str) -> None:
    page: Any = tour.window.go_to("discover")
    results = page.findChild(QAbstractItemView, "discoverResults")
    page._body.setCurrentIndex(0)
    page._state.show_first()
    until(page._state.picks.isVisible, "the picks")
    until(lambda: page.findChild(QWidget, "pick0") is not None, "the first pick")
    tour.look("discover, picks")
    page._chosen.choose(_other_machine())
    tour.look("discover, what if")
    page._chosen.choose(None)
    page.search_for(word)
    until(lambda: _rows(results) > 0, "the results")
    results.setCurrentIndex(results.model().index(0, 0))
    until(lambda: page._repo.view is not None and page._repo.isVisible(), "the repo")
    until(lambda: not page.findChild(QWidget, "repoBusy").whole_text, "every header")
    page.findChild(QAbstractButton, "lossExplain").setChecked(True)
    scroll = page._repo.verticalScrollBar()
    scroll.setValue(scroll.maximum() // 2)
    tour.look("discover, a repo explained")
    page.findChild(QAbstractButton, "lossExplain").setChecked(False)
    scroll.setValue(0)
    tour.look("discover, a repo")
    page.findChild(QAbstractButton, "pickerOpenMore").setChecked(True)
    page.findChild(QSpinBox, "contextExact").setValue(100_000)
    tour.look("discover, more of how it loads")
    page.findChild(QSpinBox, "contextExact").setValue(0)
    page.findChild(QAbstractButton, "pickerOpenMore").setChecked(False)
    page.findChild(QAbstractButton, "repoName").setChecked(True)
    scroll = page._repo.verticalScrollBar()
    scroll.setValue(scroll.maximum())
    tour.look("discover, a repo's foot")
    scroll.setValue(0)
    page.findChild(QAbstractButton, "repoName").setChecked(False)
    page._state.show_error(HeftError(LONG, LONG, kind=FailureKind.TOKEN_MISSING), "owner/" + "name" * 30)
    page._body.setCurrentIndex(0)
    tour.look("discover, a failure")
    page.search_for("nothing is called like this")
    until(lambda: _rows(results) == 0, "nothing")
    QTest.qWait(600)
    tour.look("discover, nothing found")


def machine(tour: Tour) -> None:
    page: Any = tour.window.go_to("machine")
    until(lambda: page.machine is not None and not page.findChild(QWidget, "machineState").text(), "the machine")
    tour.look("machine")
    scroll = page.findChild(QWidget, "machineScroll").verticalScrollBar()
    scroll.setValue(scroll.maximum())
    tour.look("machine's foot")
    scroll.setValue(0)
    name = "a-profile-of-a-long-name-that-somebody-saved-on-another-computer.json"
    page._chosen.choose(page.machine, f"the saved machine {name}")
    tour.look("machine, what if")
    page.close_profile()


def serve(tour: Tour) -> None:
    page: Any = tour.window.go_to("serve")
    table = page.findChild(QAbstractItemView, "serveModels")
    bar = page.findChild(QWidget, "serveScroll").verticalScrollBar()

    def look(what: str) -> None:
        for place in range(0, bar.maximum() + bar.pageStep(), bar.pageStep()):
            bar.setValue(place)
            tour.look(f"serve, {what} at {place}")
        bar.setValue(0)

    until(lambda: _rows(table) > 1, "the served models")
    look("off")
    page._watch.state_changed.emit(
        ServeState("failed", "http://127.0.0.1:8321", error=HeftError(LONG, LONG), elsewhere=True)
    )
    look("a failure")
    name = "a-model-of-a-very-long-name-" * 4
    plan = planned(name, 131_072, 20)
    models = [ModelState(served(f"{name}{phase}"), phase, plan, 12, would_go=(name, "b")) for phase in PHASES]
    models.append(ModelState(served("too-large", quantization="Q4_K_M"), too_large=LONG, in_chat=True))
    figures: Any = {"prompt_tokens": 131_072, "cached_tokens": 131_000, "generated_tokens": 99_999}
    records = [asked(1, client=LONG, model=name, seconds_to_first_token=99.9, tokens_per_second=1234.5, **figures)]
    records += [asked(at, word, status=404, error=LONG, client=LONG) for at, word in enumerate(RECORDS, 2)]
    state = ServeState("on", "http://192.168.178.100:65535", network=True, web_page=True)
    page._watch.state_changed.emit(state)
    page._watch.seen.emit(ServeView(state, tuple(models), tuple(records), records[0].asked_at + 86_000))
    tour.window.status.show_serving("Serving · 12 clients")
    page._address.show_key("heft-" + "W" * 32)
    look("on")
    tour.window.status.show_serving("")
    tour.dialog("serve, network", lambda: ask_network(page, page.update))
    tour.dialog("serve, key", lambda: page.commands.trigger(NEW_KEY))
    tour.dialog("serve, web page", lambda: page.commands.trigger(WEB_PAGE))
    tour.dialog("serve, log", lambda: page.commands.trigger(LOG))
    page._show_state(page._service.state)
    page._watch.look()


def lab(tour: Tour) -> None:
    page: Any = tour.window.go_to("lab")
    models = page.findChild(QComboBox, "labModel")
    until(lambda: models.count() > 1, "the models")
    tour.look("lab")
    models.setCurrentIndex(next(row for row in range(models.count()) if "SmolLM2" in models.itemText(row)))
    size = page.findChild(QLabel, "labSize")
    until(lambda: len(size.text()) > 3, "what it comes to")
    tour.look("lab, quantize")
    page.findChild(QTabWidget, "labTabs").setCurrentIndex(1)
    expected = page.findChild(QLabel, "labExpected")
    until(lambda: len(expected.text()) > 3, "what it takes")
    tour.look("lab, measure")
    tabs = page.findChild(QTabWidget, "labTabs")
    tabs.setCurrentIndex(next(at for at in range(tabs.count()) if tabs.tabText(at) == "Compare"))
    other, way = page.findChild(QComboBox, "labOther"), page.findChild(QLabel, "labWay")
    other.setCurrentIndex(0)
    until(lambda: len(way.text()) > 3, "how two are compared")
    tour.look("lab, compare")
    tabs.setCurrentIndex(next(at for at in range(tabs.count()) if tabs.tabText(at) == "Numbers"))
    tensors, numbers = page.findChild(QComboBox, "labTensor"), page.findChild(QLabel, "labNumbersWords")
    until(lambda: tensors.count() > 1, "the tensors")
    tour.look("lab, numbers that are typed in")
    tensors.setCurrentIndex(1)
    until(lambda: "values" in numbers.text(), "the numbers")
    tour.look("lab, numbers of a tensor")
    tensors.setCurrentIndex(0)
    page.findChild(QTabWidget, "labTabs").setCurrentIndex(0)
    models.setCurrentIndex(-1)


def dialogs(tour: Tour) -> None:
    window = tour.window
    tour.dialog("shortcuts", window.show_shortcuts)
    tour.dialog("about", window.about_asked.emit)
    window.go_to("inspect")
    tour.dialog("own sizes", lambda: MachineSizes(window).show())
    tour.dialog("address", window.page("inspect")._head.open_menu.ask_address)
    window.notifications.show_message(HeftError(LONG, LONG))
    window.notifications.show_message(LONG)
    tour.look("messages")
    while window.notifications.dismiss_last():
        pass
    window.show_palette()
    QTest.qWait(300)
    tour.look("palette")
    field = window.findChild(QLineEdit, "paletteField")
    assert field is not None
    QTest.keyClicks(field, "a")
    tour.look("palette, typed")
    window.show_palette()


def jobs(tour: Tour) -> None:
    window = tour.window
    step = Progress(1_234.5e9, 12_345.6e9, "bytes", speed=1_234.5e6, seconds_left=86_000.0)
    running = Job("1", "download", LONG, "running", step, resumable=True)
    failed = replace(running, id="4", phase="failed", error=HeftError(LONG, LONG, kind=FailureKind.DISK_FULL))
    done = replace(running, id="5", phase="done", result=Path("a.gguf"))
    noted = Job("6", "check", LONG, "running", Progress(45, 100, "files", f"checksum of {LONG}"))
    window.show_jobs([running, replace(running, id="2", phase="queued"), noted, done, failed])
    window.toggle_jobs()
    bar = window.findChild(QWidget, "jobsScroll").verticalScrollBar()
    for end in (bar.minimum, bar.maximum):
        bar.setValue(end())
        tour.look(f"jobs from {end()}")
    window.toggle_jobs()
    window.show_jobs([])


def settings(tour: Tour) -> None:
    for page in SETTINGS_PAGES:
        tour.dialog(f"settings, {page}", lambda page=page: tour.window.settings_asked.emit(page))  # type: ignore[misc]


def main() -> None:
    """Lead the window through everything, in each of the sizes."""
    model, other, repo, word, *sizes = sys.argv[1:]
    pictures = next((Path(size) for size in sizes if not size[0].isdigit()), None)
    led = LedWindow(model)
    tour = Tour(led, pictures)
    for size in (size for size in sizes if size[0].isdigit()):
        tour.size = size
        width, height = map(int, size.split("x"))
        led.window.resize(width, height)
        until(lambda width=width, height=height: led.window.size() == QSize(width, height), size)  # type: ignore[misc]
        chat(tour)
        library(tour)
        inspect(tour, model, other, repo)
        discover(tour, word)
        serve(tour)
        machine(tour)
        lab(tour)
        dialogs(tour)
        settings(tour)
        jobs(tour)
    led.close()
    sys.stdout.write(json.dumps(tour.found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    run(main)
