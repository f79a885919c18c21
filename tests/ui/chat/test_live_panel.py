"""Live figures, chat settings and the model menu: what they show and what they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.cut import faults
from support.plans import plain_plan
from support.widgets import find, label, shown

from desktop.core.sampling_fields import MAX_SEED, settled
from desktop.core.text import plain_tooltip
from desktop.engine.api import Loaded, Memory, Sampling
from desktop.services.engine.supervisor import EngineState
from desktop.store.library import LibraryModel
from desktop.store.options import Preset
from desktop.store.settings import SettingsStore
from desktop.ui.chat.live_panel import Figures, LivePanel
from desktop.ui.chat.model_menu import MOST_LISTED, ModelMenu
from desktop.ui.chat.presets import all_presets, built_in_presets, delete_preset, save_preset
from desktop.ui.chat.sampling_panel import ChatSettings, PresetChoice, SamplingPanel
from desktop.ui.shared.reflow import DownwardScroll
from desktop.ui.shell.theme import Theme

MEMORY = Memory(92_000_000, 47_000_000, 0, 12_000_000, 200_000, 260_000_000)
LOADED = Loaded("/m/smol.gguf", "llama 135M Q4_1", 2048, 8192, 30, 0, 2, "model", MEMORY, 0.4)


def model(name: str, *, used: float | None = None, problem: str = "") -> LibraryModel:
    path = Path(f"/models/{name}.gguf")
    return LibraryModel(
        name, path, (path,), (), 98_000_000, "llama", "Q4_1", 135_000_000, "heft", 0.0, used, (), problem
    )


@pytest.fixture
def live(qtbot: QtBot, theme: Theme) -> LivePanel:
    made = LivePanel(theme)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def panel(qtbot: QtBot, theme: Theme) -> SamplingPanel:
    made = SamplingPanel(theme)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def menu(qtbot: QtBot, theme: Theme) -> ModelMenu:
    return shown(qtbot, ModelMenu(theme), 240, 80)


@pytest.mark.parametrize("percent", [100, 150, 200])
@pytest.mark.parametrize("width", [170, 220, 280])
def test_no_figure_is_cut_in_a_narrow_column_of_large_letters(
    qtbot: QtBot, theme: Theme, width: int, percent: int
) -> None:
    live = LivePanel(theme)
    letters = live.font()
    letters.setPixelSize(letters.pixelSize() * percent // 100)
    live.setFont(letters)
    column = shown(qtbot, DownwardScroll("column", "Figures", live), max(width, 170 * percent // 100), 500)
    memory = Memory(92_000_000_000, 47_000_000, 0, 12_000_000, 200_000, 260_000_000)
    live.show_figures(
        Figures(75.04, 1240.4, None, None, 0.213, 120_400, 131_072, memory, 93_000_000_000, 4_000_000_000)
    )
    qtbot.waitUntil(lambda: faults(column) == [])
    assert label(live, "generationValue") == "75.0 tok/s"
    for value in live.findChildren(QLabel):
        shown_words = QLabel.text(value).split(" ")  # a number and its unit are one, which never breaks
        assert max(map(value.fontMetrics().horizontalAdvance, shown_words)) <= value.width() + 1, value.text()


# -- figures --------------------------------------------------------------------------------------


def test_figures_are_shown_and_nothing_is_invented(live: LivePanel) -> None:
    assert [label(live, f"{name}Value") for name in ("generation", "prompt", "firstToken", "context", "memory")] == [
        "–"
    ] * 5
    live.show_figures(Figures(61.42, 1240.4, None, None, 0.213, 1204, 16384, MEMORY))
    assert label(live, "generationValue") == "61.4 tok/s"
    assert label(live, "promptValue") == "1,240 tok/s"
    assert label(live, "firstTokenValue") == "0.21 s"
    assert label(live, "contextValue") == "1,204 / 16,384"
    assert label(live, "memoryValue") == "151.2 MB"
    live.show_figures(Figures())
    assert label(live, "generationValue") == "–"


def test_memory_is_explained_term_by_term(live: LivePanel) -> None:
    live.show_figures(Figures(memory=MEMORY))
    value = live.findChild(QLabel, "memoryValue")
    for said in (
        "Weights: 92.0 MB",
        "KV cache: 47.0 MB",
        "Compute buffers: 12.0 MB",
        "Output buffer: 200.0 kB",
        "260.0 MB",
    ):
        assert said in value.toolTip() and said in value.accessibleDescription()
    assert "Recurrent" not in value.toolTip() and "Speculation" not in value.toolTip()
    live.show_figures(Figures(memory=Memory(92_000_000, 0, 0, 0, 0, 0, draft_bytes=31_000_000)))
    assert "Speculation: 31.0 MB" in value.toolTip() and "Sum: 123.0 MB" in value.toolTip()


@pytest.mark.parametrize(
    ("used", "said", "role"),
    [(1000, "1,000 / 2,048", ""), (1900, "nearly full: 1,900 / 2,048", "warn"), (2048, "full: 2,048 / 2,048", "warn")],
)
def test_a_full_context_is_said_in_words_too(live: LivePanel, used: int, said: str, role: str) -> None:
    live.show_figures(Figures(context_used=used, context_length=2048))
    value = live.findChild(QLabel, "contextValue")
    assert (value.text(), value.property("role")) == (said, role)
    assert live.findChild(QProgressBar, "contextBar").value() == min(1000, round(used / 2.048))


def test_guesses_have_a_row_where_they_are_made(live: LivePanel) -> None:
    live.show()
    value = live.findChild(QLabel, "speculationValue")
    live.show_figures(Figures(speculation={"drafted_tokens": 0.0}))
    assert not value.isVisible()
    live.show_figures(Figures(speculation={"drafted_tokens": 120, "accepted_tokens": 74}))
    assert value.isVisible() and value.text() == "62% of 120"
    measured = {"tokens_per_second": 14.0, "plain_tokens_per_second": 10.0}
    live.show_figures(Figures(speculation={"drafted_tokens": 120.0, "accepted_tokens": 74.0} | measured))
    assert value.text() == "62% of 120 · +40%"
    assert value.toolTip() == "62% of 120 guesses accepted, 40% faster than without"
    live.show_figures(Figures())
    assert not value.isVisible()


def test_reading_the_prompt_is_counted(live: LivePanel) -> None:
    live.show_figures(Figures(prompt_done=512, prompt_total=2000))
    assert label(live, "promptValue") == "reading 512 / 2,000"


def test_memory_says_what_was_planned_where_it_is_otherwise(live: LivePanel) -> None:
    memory = Memory(100_000_000, 50_000_000, 0, 0, 0, 0)
    live.show_figures(Figures(memory=memory, planned_bytes=150_040_000))
    assert label(live, "memoryValue") == "150.0 MB"
    live.show_figures(Figures(memory=memory, planned_bytes=120_000_000))
    assert label(live, "memoryValue") == "150.0 MB, planned 120.0 MB"


def test_memory_that_a_long_chat_will_take_is_named(live: LivePanel) -> None:
    memory = Memory(100_000_000, 50_000_000, 0, 0, 0, 260_000_000)
    live.show_figures(Figures(memory=memory, planned_bytes=150_000_000, kept_bytes=59_500_000))
    assert label(live, "memoryValue") == "150.0 MB, at most 209.5 MB"
    told = " ".join(find(live, QLabel, "memoryValue").toolTip().split())
    assert "Kept states, in a long chat: up to 59.5 MB more" in told
    assert "Resident memory of the engine process: 260.0 MB, which counts the program itself" in told


# -- settings -------------------------------------------------------------------------------------


def test_settings_come_back_as_they_were_set(panel: SamplingPanel) -> None:
    wanted = ChatSettings(
        "Be brief.",
        {"temperature": 0.35, "top_k": 12, "top_p": 0.5, "min_p": 0.02, "repeat_penalty": 1.1, "seed": MAX_SEED},
        256,
    )
    panel.set_values(wanted)
    assert panel.values() == wanted


def test_what_a_chat_does_not_name_is_shown_as_the_engine_has_it_and_stays_unset(panel: SamplingPanel) -> None:
    panel.set_values(ChatSettings(sampling={"top_k": 5, "seed": None}))
    default = Sampling()
    assert panel.values().sampling == {"top_k": 5}
    shown_values = [panel.findChild(QDoubleSpinBox, name).value() for name in ("temperature", "topP")]
    assert shown_values == [default.temperature, default.top_p]
    assert panel.findChild(QLineEdit, "seed").text() == ""


def test_only_the_users_edits_are_told(qtbot: QtBot, panel: SamplingPanel) -> None:
    told: list[None] = []
    panel.changed.connect(lambda: told.append(None))
    panel.set_values(ChatSettings("x", {"temperature": 1.0}, 5))
    assert told == []
    panel.findChild(QDoubleSpinBox, "temperature").stepUp()
    qtbot.keyClicks(panel.findChild(QLineEdit, "seed"), "7x")
    assert len(told) == 2 and panel.values().sampling["seed"] == 7


def test_presets_set_values_and_values_name_their_preset(panel: SamplingPanel) -> None:
    panel.set_presets([PresetChoice(p.preset.name, p.preset.sampling, p.source, p.own) for p in built_in_presets()])
    box = panel.findChild(QComboBox, "preset")
    assert box.currentText() == "Default"
    box.setCurrentIndex(box.findText("Creative"))
    box.activated.emit(box.currentIndex())
    assert panel.values().sampling["min_p"] == 0.1
    panel.findChild(QLineEdit, "seed").setText("5")
    assert box.currentText() == "Creative"
    panel.findChild(QDoubleSpinBox, "temperature").setValue(0.33)
    assert box.currentIndex() == -1 and box.placeholderText() == "Custom"


def test_the_wheel_passes_over_a_field_without_focus(qtbot: QtBot, panel: SamplingPanel) -> None:
    from PySide6.QtCore import QPoint, QPointF
    from PySide6.QtGui import QWheelEvent

    field = panel.findChild(QDoubleSpinBox, "temperature")
    assert field is not None
    before = field.value()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(field, event)
    assert field.value() == before and not event.isAccepted()


def test_every_field_has_a_name_and_a_meaning(panel: SamplingPanel) -> None:
    for name in (
        "preset",
        "temperature",
        "topK",
        "topP",
        "minP",
        "repeatPenalty",
        "seed",
        "maxTokens",
    ):
        field = panel.findChild(QWidget, name)
        assert field is not None and field.accessibleName() and field.accessibleDescription(), name
        assert field.focusPolicy() & Qt.FocusPolicy.TabFocus, name


# -- presets --------------------------------------------------------------------------------------


def test_built_in_presets_are_complete_and_the_default_is_the_engines() -> None:
    presets = built_in_presets()
    fields = {"temperature", "top_k", "top_p", "min_p", "repeat_penalty"}
    for listed in presets:
        assert set(listed.preset.sampling) in (fields, set()), listed.preset.name
        assert settled(listed.preset.sampling) == listed.preset.sampling, listed.preset.name
        assert listed.reason and len(listed.source) > 10, listed.preset.name
    assert presets[0].preset.sampling == {}, "the model's own, or the engine's"
    assert len({listed.preset.name for listed in presets}) == len(presets)


def test_own_presets_are_kept_in_the_settings(tmp_path: Path) -> None:
    settings = SettingsStore(tmp_path / "settings.json")
    save_preset(settings, Preset("Mine", sampling={"temperature": 0.1}))
    presets = save_preset(settings, Preset("Mine", sampling={"temperature": 0.2}))
    own = [listed for listed in presets if listed.own]
    assert [(listed.preset.name, listed.preset.sampling) for listed in own] == [("Mine", {"temperature": 0.2})]
    assert all_presets(SettingsStore(tmp_path / "settings.json"))[-1] == own[0]
    assert all(not listed.own for listed in delete_preset(settings, "Mine"))


# -- the model menu -------------------------------------------------------------------------------


def test_loading_shows_progress_and_can_be_cancelled(qtbot: QtBot, menu: ModelMenu) -> None:
    menu.set_state(EngineState("loading", plain_plan("/m/a.gguf", name="Qwen3-8B"), 0.42))
    assert menu.findChild(QProgressBar, "loadProgress").value() == 42
    assert label(menu, "loadText") == "Loading, 42%"
    with qtbot.waitSignal(menu.cancel_asked):
        qtbot.mouseClick(menu.findChild(QPushButton, "cancelLoad"), Qt.MouseButton.LeftButton)
    menu.set_state(EngineState("ready", plain_plan("/m/smol.gguf", name="SmolLM2"), 1.0, LOADED))
    assert not menu.findChild(QProgressBar, "loadProgress").isVisible()
    assert menu.findChild(QPushButton, "modelButton").text() == "SmolLM2"


def test_a_load_that_waits_for_other_programs_says_so(menu: ModelMenu) -> None:
    menu.set_state(EngineState("loading", plain_plan("/m/a.gguf", name="Qwen3-8B"), lent=True))
    assert label(menu, "loadText") == "Waiting for other programs' answers"
    menu.set_state(EngineState("loading", plain_plan("/m/a.gguf", name="Qwen3-8B")))
    assert label(menu, "loadText") == "Loading, 0%"


def test_a_long_name_is_cut_and_whole_in_the_tooltip(menu: ModelMenu) -> None:
    name = "A-very-long-model-name-" * 5
    menu.set_state(EngineState("ready", plain_plan("/m/x.gguf", name=name), 1.0, LOADED))
    button = menu.findChild(QPushButton, "modelButton")
    assert "…" in button.text() and name in button.toolTip() and name in button.accessibleName()


def test_the_menu_lists_models_last_used_first(qtbot: QtBot, menu: ModelMenu) -> None:
    models = [model("B"), model("A & co"), model("broken", problem="The file is cut off."), model("used", used=5.0)]
    menu.set_models(models)
    actions = [action for action in menu.menu.actions() if action.text()]
    assert [action.text() for action in actions] == ["used", "A && co", "B", "broken", "Open file…", "Other servers…"]
    assert not actions[3].isEnabled() and actions[3].toolTip() == plain_tooltip("The file is cut off.")
    with qtbot.waitSignal(menu.model_chosen) as chosen:
        actions[0].trigger()
    assert chosen.args[0].name == "used"
    with qtbot.waitSignal(menu.file_asked):
        actions[-2].trigger()
    with qtbot.waitSignal(menu.servers_asked):
        actions[-1].trigger()


def test_many_models_end_with_where_the_others_are(menu: ModelMenu) -> None:
    menu.set_models([model(f"m{number:03d}") for number in range(100)])
    said = [action.text() for action in menu.menu.actions() if action.text()]
    assert len(said) == MOST_LISTED + 3 and said[-3] == "85 more on the Library page"


def test_no_models_is_said(menu: ModelMenu) -> None:
    menu.set_models([])
    assert menu.menu.actions()[0].text() == "No models found on this computer"
