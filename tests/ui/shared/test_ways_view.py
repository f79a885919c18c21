"""Where a model could run beside this computer: each way with its speed, and a button to take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from support.forge_shapes import llama_8b
from support.planning import planning_on
from support.widgets import click, find, shown

from desktop.core.cancelled import Cancelled, never
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.core.pools import Pool
from desktop.core.speed import Rate, Speeds
from desktop.services.planning.service import PlanningService
from desktop.services.worker.ways import Way
from desktop.store.paths import Paths
from desktop.ui.shared.load_panel import LoadPanel
from desktop.ui.shared.ways_view import WaysView
from desktop.ui.shell.tasks import Tasks

MS = 20_000
LENT = Pool(0, "RTX 4090 of studio", 22_000_000_000, 0, engine_device="RPC0", left_for="lent", worker="studio")


class Ways:
    """What a service of ways says: shared is twice as quick."""

    def of(self, ref: ModelRef, asked: LoadSettings, cancelled: Cancelled = never) -> tuple[Way, ...]:
        def at(rate: float) -> LoadPlan:
            known = Rate(rate, rate, rate)
            return replace(self.plan, speeds=Speeds(known, known, 4096, "calibrated"))

        return (
            Way("stay", "", "here", at(10)), Way("split", "studio", "here,@studio", at(20)),
            Way("whole", "studio", "", at(8), serves="http://10.0.0.2:8321"),
        )  # fmt: skip

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan


@pytest.fixture
def planning(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> PlanningService:
    """Of a computer to which another one lends a device."""
    made = planning_on(paths)
    plain = PlanningService.for_load

    def with_lent(self: PlanningService, *arguments: Any, **named: Any) -> LoadPlan:
        plan = plain(self, *arguments, **named)
        assert plan.fit is not None
        found = replace(plan, fit=replace(plan.fit, aside=(LENT,)))
        ways: Any = Ways(found)
        self.ways = lambda: ways
        return found

    monkeypatch.setattr(PlanningService, "for_load", with_lent)
    monkeypatch.setattr(PlanningService, "offered", lambda self: (LENT,))
    return made


@pytest.fixture
def panel(planning: PlanningService, tasks: Tasks, qtbot: QtBot) -> Iterator[LoadPanel]:
    made = LoadPanel(lambda: planning, tasks)
    holder = QWidget()
    QVBoxLayout(holder).addWidget(made)
    shown(qtbot, holder, 720, 420)
    yield made


def says(qtbot: QtBot, panel: LoadPanel, name: str, text: str) -> None:
    def there() -> bool:
        found = panel.findChild(QLabel, name)
        return found is not None and text in found.text()

    qtbot.waitUntil(there, timeout=MS)


def test_each_way_stands_there_with_its_speed_and_the_best_is_said(
    panel: LoadPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    panel.show_model(local_ref(llama_8b().write(tmp_path / "m.gguf")))
    says(qtbot, panel, "waysAdvice", "Share it with studio: set its devices to here,@studio.")
    assert [find(panel, QLabel, f"way{n}").text() for n in range(3)] == [
        "Here alone", "Shared with studio", "On studio as a whole",
    ]  # fmt: skip
    assert find(panel, QLabel, "waySpeed1").text() == "20 tok/s"
    assert "it is another computer's" in find(panel, QLabel, "planRemarks").text()


def test_a_way_is_taken_by_its_button_and_remembered(
    panel: LoadPanel, planning: PlanningService, qtbot: QtBot, tmp_path: Path
) -> None:
    ref = local_ref(llama_8b().write(tmp_path / "m.gguf"))
    panel.show_model(ref)
    says(qtbot, panel, "waysAdvice", "Share it")
    click(qtbot, panel, "wayUse1")
    box = find(panel, QCheckBox, "loadDevice0")
    assert (box.accessibleName(), box.isChecked()) == ("Use RTX 4090 of studio", True)
    qtbot.waitUntil(lambda: planning.settings_of(ref).devices == "here,@studio", timeout=MS)


def test_where_no_other_computer_lends_there_is_nothing(
    paths: Paths, tasks: Tasks, qtbot: QtBot, tmp_path: Path
) -> None:
    planning = planning_on(paths)
    made = LoadPanel(lambda: planning, tasks)
    holder = QWidget()
    QVBoxLayout(holder).addWidget(made)
    shown(qtbot, holder, 720, 420)
    with qtbot.waitSignal(made.planned, timeout=MS):
        made.show_model(local_ref(llama_8b().write(tmp_path / "m.gguf")))
    assert not find(made, WaysView, "waysView").isVisible()
