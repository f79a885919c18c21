"""The page Inspect offers the model that is loaded, if its file is on this computer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot
from support.inspect_page import MakePage
from support.widgets import find

from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.engine.api import Loaded, Memory
from desktop.services.engine.supervisor import EngineState
from desktop.ui.inspect import actions


def _holding(ref: ModelRef) -> EngineState:
    plan = LoadPlan(ref, LoadSettings(), 1)
    elsewhere = ref.elsewhere.endpoint if ref.elsewhere is not None else ""
    memory = Memory(1, 1, 1, 1, 1, 1)
    loaded = Loaded(plan.where, "a model", 2048, 2048, 2, 0, 1, "model", memory, 0.1, endpoint=elsewhere)
    return EngineState("ready", plan, loaded=loaded)


def test_what_is_loaded_here_is_offered_and_opened(make_page: MakePage, qtbot: QtBot, pair: tuple[Path, Path]) -> None:
    page = make_page(state=_holding(local_ref(pair[0])))
    page.shown()
    button = find(page, QAbstractButton, "inspectEmptyLoaded")
    assert button.text() == "Loaded now: one.gguf" and button.isVisible()
    assert page.commands.trigger(actions.OPEN_LOADED) == ""
    qtbot.waitUntil(lambda: page.inspected is not None)


def test_another_server_s_model_has_no_file_here_and_is_not_offered(make_page: MakePage) -> None:
    page = make_page(state=_holding(ModelRef("a-model", "endpoint:studio/a-model")))
    page.shown()
    assert not find(page, QAbstractButton, "inspectEmptyLoaded").isVisible()
    assert page.commands.reason(actions.OPEN_LOADED) == "No model of this computer is loaded."
