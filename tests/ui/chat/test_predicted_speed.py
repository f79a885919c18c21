"""The chat shows the speed that is predicted for its model as it is loaded, in the words of the panel beside it."""

from __future__ import annotations

from dataclasses import replace

from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.plans import plain_plan
from support.widgets import label

from desktop.core.speed import Rate, Speeds
from desktop.ui.chat.live_panel import LivePanel
from desktop.ui.shared.plan_view import PlanView
from desktop.ui.shell.theme import Theme

SPEEDS = Speeds(Rate(18, 20, 22), Rate(9, 10, 11), 32_768, "calibrated", Rate(50, 60, 70))


def test_the_live_panel_and_the_load_panel_say_the_same(qtbot: QtBot, theme: Theme) -> None:
    """Discover said 20 ± 4, the chat 132 to 285."""
    live, loads = LivePanel(theme), PlanView()
    for widget in (live, loads):
        qtbot.addWidget(widget)
    live.show_prediction(SPEEDS)
    loads.show_plan(replace(plain_plan("/m/a.gguf"), speeds=SPEEDS))
    assert label(live, "predictedValue") == label(loads, "planSpeed") == "20 → 10 tok/s"
    assert label(loads, "planPrompt") == "32,768 tokens in 9 min"
    live.show_prediction(None)
    loads.show_plan(plain_plan("/m/a.gguf"))
    assert label(live, "predictedValue") == label(loads, "planSpeed") == label(loads, "planPrompt") == "–"


def test_what_a_calibration_taught_meanwhile_shows_in_the_chat_too(desk: Desk, qtbot: QtBot) -> None:
    """Chat stayed at what was predicted when the model was loaded, while Library and Discover had the new figure."""
    assert desk.library.path is not None
    desk.page.open_model(desk.library.path)
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading")
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: label(desk.page, "predictedValue") == "–")
    desk.planning.speeds = SPEEDS
    desk.page.shown()
    qtbot.waitUntil(lambda: label(desk.page, "planSpeed") == "20 → 10 tok/s")
    assert label(desk.page, "predictedValue") == "20 → 10 tok/s"
    assert desk.engine.state.phase != "loading", "the model stays as it is loaded"
