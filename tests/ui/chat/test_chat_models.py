"""Of several choices of a model the last one counts, however long each takes to plan, and a question waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from support.chat_page import Desk, PlainPlanning

from desktop.core.cancelled import Cancelled, never
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.store.library import LibraryModel

DEADLINE_SECONDS = 30.0


class SlowPlanning(PlainPlanning):
    """Plans of the models named in ``held`` wait until the test lets them go on; ``begun`` counts plans by name."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, threading.Event] = {}
        self.begun: list[str] = []
        self.ended: list[str] = []

    def hold(self, name: str) -> threading.Event:
        return self.held.setdefault(name, threading.Event())

    def for_load(self, ref: ModelRef, asked: LoadSettings | None = None, cancelled: Cancelled = never) -> LoadPlan:
        self.begun.append(ref.name)
        if ref.name in self.held:
            assert self.held[ref.name].wait(DEADLINE_SECONDS)
        self.ended.append(ref.name)
        return super().for_load(ref, asked, cancelled)


class FileLibrary:
    """Every path is a model of its name; the starter is one too."""

    def resolve(self, model: str) -> LibraryModel:
        path = Path(model)
        return LibraryModel(path.stem, path, (path,), (), 1, "llama", "Q4_1", 1, "folder", 0.0)

    def scan(self, progress: object = None, cancelled: object = None) -> list[LibraryModel]:
        return []

    def used_elsewhere(self) -> list[LibraryModel]:
        return []


@pytest.fixture
def planning(desk: Desk) -> Iterator[SlowPlanning]:
    desk.planning = made = SlowPlanning()
    desk.library = FileLibrary()  # type: ignore[assignment]
    yield made
    for held in made.held.values():
        held.set()


@pytest.fixture
def loads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that the engine was told to load."""
    named: list[str] = []
    load = desk.engine.load

    def told(plan: LoadPlan) -> None:
        named.append(plan.ref.name)
        load(plan)

    monkeypatch.setattr(desk.engine, "load", told)
    return named


def test_a_question_waits_for_the_model_that_was_opened(
    desk: Desk, planning: SlowPlanning, loads: list[str], qtbot: QtBot
) -> None:
    held = planning.hold("chosen")
    desk.page.open_model(Path("/m/chosen.gguf"))
    desk.write("Hello")
    qtbot.waitUntil(lambda: planning.begun == ["chosen"])
    qtbot.waitUntil(lambda: desk.store.chats() != [])  # the question is on its way
    held.set()
    qtbot.waitUntil(lambda: desk.service.busy)
    assert loads == ["chosen"] and planning.begun == ["chosen"]


def test_the_last_of_two_choices_is_loaded(desk: Desk, planning: SlowPlanning, loads: list[str], qtbot: QtBot) -> None:
    held = planning.hold("first")
    desk.page.open_model(Path("/m/first.gguf"))
    qtbot.waitUntil(lambda: "first" in planning.begun)  # one that is given up before is not planned at all
    desk.page.open_model(Path("/m/second.gguf"))
    qtbot.waitUntil(lambda: loads == ["second"])
    held.set()
    qtbot.waitUntil(lambda: {"first", "second"} <= set(planning.ended))
    desk.engine.finish_load()
    desk.ask("Hello")
    assert loads == ["second"]


def test_what_is_only_being_planned_can_be_cancelled(
    desk: Desk, planning: SlowPlanning, loads: list[str], qtbot: QtBot
) -> None:
    held = planning.hold("chosen")
    desk.page.open_model(Path("/m/chosen.gguf"))
    qtbot.waitUntil(lambda: planning.begun == ["chosen"])
    desk.page._models.cancel()
    held.set()
    qtbot.waitUntil(lambda: planning.ended == ["chosen"])
    desk.page.open_model(Path("/m/other.gguf"))
    qtbot.waitUntil(lambda: loads == ["other"])
