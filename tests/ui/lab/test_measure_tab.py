"""The tab Measure: chats as texts, losses against speed, a recommendation of the variants at hand."""

from __future__ import annotations

from contextlib import closing

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import (
    QLabel,
    QMenu,
    QTableView,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.lab_page import button, choice, choose, told, until
from support.widgets import find

from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory
from desktop.core.memory import Memory as DeviceMemories
from desktop.core.placement import Fit
from desktop.core.speed import Rate
from desktop.services.lab.at_hand import AtHand, AtHandService
from desktop.services.models.library import LibraryModel
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.ui.lab.loss_chart import LossChart
from desktop.ui.lab.page import LabPage


def test_a_chat_of_ones_own_is_a_text(page: LabPage, paths: Paths, qtbot: QtBot) -> None:
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    told(page).clear()
    button(page, "labOwnChat").click()
    until(qtbot, lambda: bool(told(page)))
    assert "There is no chat yet" in str(told(page)[0])
    with closing(ChatStore(paths.chats)) as chats:
        chat = chats.create("About & the sea")
        asked = chats.add(chat.id, None, "user", "Why is the sea salty?")
        chats.add(chat.id, asked.id, "assistant", "Rivers carry salt.")
    choose(page, "labModel", "m-F16")
    button(page, "labOwnChat").click()
    until(qtbot, lambda: page.findChild(QMenu, "labChats") is not None)
    menu = find(page, QMenu, "labChats")
    assert [action.text() for action in menu.actions()] == ["About && the sea"]
    menu.actions()[0].trigger()
    until(qtbot, lambda: choice(page, "labText").currentText() == "the chat About & the sea")
    until(qtbot, button(page, "labMeasure").isEnabled)
    text = next((paths.data / "lab").glob("chat-*.txt")).read_text()
    assert text == "Why is the sea salty?\n\nRivers carry salt.\n"
    menu.close()


class Hides(QObject):
    """How often a widget is hidden."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Hide
        return super().eventFilter(watched, event)


def test_the_recommendation_quotes_what_was_measured(
    page: LabPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def at_hand(self: AtHandService, model: LibraryModel, _cancelled: object) -> AtHand:
        looked.append(model.title)
        memory = DeviceMemories((DeviceMemory(RAM, weights_bytes=model.size_bytes),))
        fit = Fit(4096, ("f16", "f16"), memory, "engine", "cpu", 0, 2, 0, 8 << 30, 0, 4096, ())
        plan = LoadPlan(model.ref, LoadSettings(), 2, fit)
        return AtHand(model, self._digest(model), plan, self._measured(model.files))

    monkeypatch.setattr(AtHandService, "_at_hand", at_hand)  # these files have no shape that could be planned
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    choose(page, "labModel", "m-Q4_K_M")
    choose(page, "labReference", "m-F16")
    recommended = find(page, QLabel, "labRecommended")
    assert not recommended.isVisible()
    until(qtbot, button(page, "labMeasure").isEnabled)
    button(page, "labMeasure").click()
    until(qtbot, recommended.isVisible)
    assert recommended.text().startswith("Of the variants at hand m-") and "is recommended." in recommended.text()
    assert "Mean KL divergences measured here: m-Q4_K_M 0.01" in recommended.text()
    hides, before = Hides(recommended), len(looked)
    page.shown()
    until(qtbot, lambda: len(looked) > before)
    assert hides.count == 0 and recommended.isVisible()  # what follows does not jump while it is looked again


def test_the_loss_is_held_against_speed_too(page: LabPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        AtHandService, "rates", lambda _self, digests, *_: dict.fromkeys(digests, Rate(20.0, 21.5, 23.0))
    )
    find(page, QTabWidget, "labTabs").setCurrentIndex(1)
    choose(page, "labModel", "m-Q4_K_M")
    choose(page, "labReference", "m-F16")
    until(qtbot, button(page, "labMeasure").isEnabled)
    button(page, "labMeasure").click()
    chart, table = find(page, LossChart, "labChart"), find(page, QTableView, "labMeasured")
    until(qtbot, lambda: table.model().rowCount() > 0 and table.model().index(0, 6).data() == "21.5")
    choose(page, "labChartAxis", "tok/s")
    assert chart.isVisible() and chart.accessibleDescription() == "m-Q4_K_M: 21.5 tokens per second, KL divergence 0.01"
    chart.grab()  # it paints
