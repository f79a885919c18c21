"""The sampling of a chat: where each value comes from, the way back, the expert's fold, presets of all of it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.widgets import click, find, label, shown

from desktop.core.sampling_defaults import NO_DEFAULTS, SamplingDefaults
from desktop.core.sampling_fields import SAMPLING_FIELDS
from desktop.store.options import PRESETS
from desktop.ui.chat.sampling_editors import object_name
from desktop.ui.chat.sampling_panel import ChatSettings, PresetChoice, SamplingPanel
from desktop.ui.shell.theme import Theme

DEFAULTS = SamplingDefaults({"temperature": 0.6, "min_p": 0.005}, {"top_p": 0.8})
ALL: dict[str, Any] = {
    "temperature": 0.3, "top_k": 7, "top_p": 0.5, "min_p": 0.02, "repeat_penalty": 1.1, "seed": 5, "repeat_last_n": -1,
    "presence_penalty": -0.5, "frequency_penalty": 0.25, "dry_multiplier": 0.8, "dry_base": 2.0,
    "dry_allowed_length": 3, "dry_penalty_last_n": 128, "xtc_probability": 0.5, "xtc_threshold": 0.2, "typical_p": 0.9,
    "top_n_sigma": 1.5, "dynatemp_range": 0.4, "dynatemp_exponent": 1.5, "mirostat": 2, "mirostat_tau": 4.0,
    "mirostat_eta": 0.2, "json_schema": '{"type": "object"}', "logit_bias": (("no", -100.0), ("\\n\n", 1.5)),
    "stop": ("END", "a\nb", "\\n"),
}  # fmt: skip


@pytest.fixture
def panel(qtbot: QtBot, theme: Theme) -> SamplingPanel:
    return shown(qtbot, SamplingPanel(theme), 260, 900)


def opened(panel: SamplingPanel) -> SamplingPanel:
    find(panel, QToolButton, "expertFold").setChecked(True)
    return panel


def is_shown(panel: SamplingPanel, name: str) -> bool:
    return find(panel, QWidget, name).isVisible()


def test_each_value_says_where_it_comes_from(panel: SamplingPanel) -> None:
    panel.set_defaults(DEFAULTS)
    panel.set_values(ChatSettings(sampling={"top_k": 5}))
    assert label(panel, "temperatureSource") == "from the model"
    assert label(panel, "topPSource") == "from its repository"
    assert label(panel, "topKSource") == "set here"
    assert find(panel, QDoubleSpinBox, "temperature").text() == "0.60"
    assert find(panel, QDoubleSpinBox, "minP").text() == "0.005", "no other number than the one that counts"
    penalty = find(panel, QDoubleSpinBox, "repeatPenalty")
    assert not is_shown(panel, "repeatPenaltySource") and "Heft's default" in penalty.accessibleDescription()
    assert panel.values().sampling == {"top_k": 5}


def test_a_value_goes_back_to_the_model_and_the_keyboard_stays_with_it(qtbot: QtBot, panel: SamplingPanel) -> None:
    panel.set_defaults(DEFAULTS)
    back = find(panel, QAbstractButton, "temperatureReset")
    assert not back.isVisible()
    find(panel, QDoubleSpinBox, "temperature").setValue(1.2)
    assert back.isVisible() and "Back to 0.6: from the model" in back.toolTip()
    assert panel.values().sampling == {"temperature": 1.2}
    with qtbot.waitSignal(panel.changed):
        click(qtbot, panel, "temperatureReset")
    assert panel.values().sampling == {} and not back.isVisible()
    assert find(panel, QDoubleSpinBox, "temperature").value() == 0.6


def test_another_model_brings_its_own_values_and_keeps_what_was_set(panel: SamplingPanel) -> None:
    panel.set_values(ChatSettings(sampling={"top_p": 0.4}))
    panel.set_defaults(DEFAULTS)
    assert find(panel, QDoubleSpinBox, "temperature").value() == 0.6
    panel.set_defaults(SamplingDefaults({"temperature": 1.0, "top_p": 0.9}))
    assert find(panel, QDoubleSpinBox, "temperature").value() == 1.0
    assert find(panel, QDoubleSpinBox, "topP").value() == 0.4
    panel.set_defaults(NO_DEFAULTS)
    assert find(panel, QDoubleSpinBox, "temperature").value() == 0.7 and not is_shown(panel, "temperatureSource")


def test_all_values_come_back_as_they_were_set(panel: SamplingPanel) -> None:
    for _ in range(2):  # with the fold closed, then open
        panel.set_values(ChatSettings(sampling={}))
        panel.set_values(ChatSettings(sampling=ALL))
        assert panel.values().sampling == ALL
        opened(panel)
    for known in SAMPLING_FIELDS:
        if known.name in ALL:
            assert label(panel, f"{object_name(known)}Source") == "set here", known.name
    assert [line.text() for line in panel.findChildren(QLineEdit, "stopText") if line.isVisible()] == [
        "END",
        "a\\nb",
        "\\\\n",
    ]


def test_the_fold_says_when_it_hides_what_was_set(panel: SamplingPanel) -> None:
    fold = find(panel, QToolButton, "expertFold")
    assert fold.text() == "Expert" and panel.findChild(QWidget, "dryMultiplier") is None
    panel.set_values(ChatSettings(sampling={"dry_multiplier": 0.8, "stop": ["END"], "temperature": 1.0}))
    assert fold.text() == "Expert · 2 set"
    opened(panel)
    assert is_shown(panel, "dryMultiplier") and find(panel, QDoubleSpinBox, "dryMultiplier").value() == 0.8
    fold.setChecked(False)
    assert not is_shown(panel, "dryMultiplier")


def test_every_field_has_a_name_a_meaning_and_takes_the_keyboard(panel: SamplingPanel) -> None:
    opened(panel)
    for known in SAMPLING_FIELDS:
        field = find(panel, QWidget, object_name(known))
        assert field.accessibleName() == known.label
        assert known.explanation in field.accessibleDescription()
        taker = field.focusProxy() or field
        assert taker.focusPolicy() & Qt.FocusPolicy.TabFocus, known.name


def test_a_schema_that_is_no_json_is_told_beside_it_and_kept_but_not_lost(panel: SamplingPanel) -> None:
    opened(panel)
    text = find(panel, QPlainTextEdit, "jsonSchema")
    text.setPlainText('{"type": }')
    assert label(panel, "jsonSchemaProblem").startswith("This is not JSON: Expecting value at line 1, column 10.")
    assert is_shown(panel, "jsonSchemaProblem")
    kept = panel.values()
    panel.set_values(ChatSettings())
    assert text.toPlainText() == "" and not is_shown(panel, "jsonSchemaProblem")
    panel.set_values(kept)
    assert text.toPlainText() == '{"type": }' and is_shown(panel, "jsonSchemaProblem")
    text.setPlainText('{"type": "object"}')
    assert not is_shown(panel, "jsonSchemaProblem")
    text.setPlainText(" ")
    assert kept_names(panel) == set(), "blanks are no schema"


def kept_names(panel: SamplingPanel) -> set[str]:
    return set(panel.values().sampling)


def test_a_grammar_needs_a_root(panel: SamplingPanel) -> None:
    opened(panel)
    find(panel, QPlainTextEdit, "grammar").setPlainText('answer ::= "yes"')
    assert label(panel, "grammarProblem").startswith("A grammar needs a rule named root")
    find(panel, QPlainTextEdit, "grammar").setPlainText('root ::= "yes"')
    assert not is_shown(panel, "grammarProblem")


def test_an_answer_keeps_to_a_grammar_or_to_a_schema(panel: SamplingPanel) -> None:
    opened(panel)
    grammar, schema = find(panel, QPlainTextEdit, "grammar"), find(panel, QPlainTextEdit, "jsonSchema")
    grammar.setPlainText('root ::= "yes"')
    assert not schema.isEnabled() and "A grammar is set" in label(panel, "jsonSchemaProblem")
    grammar.setPlainText("")
    assert schema.isEnabled() and kept_names(panel) == set()
    schema.setPlainText("{}")
    assert not grammar.isEnabled() and "A JSON schema is set" in label(panel, "grammarProblem")


def test_stop_strings_and_biases_are_lines(qtbot: QtBot, panel: SamplingPanel) -> None:
    opened(panel)
    panel.activateWindow()
    click(qtbot, panel, "stopAdd")
    assert kept_names(panel) == set(), "an empty line is none"
    line = find(panel, QLineEdit, "stopText")
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, "\\n\\nUser:")
    assert panel.values().sampling["stop"] == ("\n\nUser:",)
    click(qtbot, panel, "logitBiasAdd")
    qtbot.keyClicks(panel.findChildren(QLineEdit, "logitBiasText")[-1], "sorry")
    find(panel, QDoubleSpinBox, "logitBiasBias").setValue(-100)
    assert panel.values().sampling["logit_bias"] == (("sorry", -100.0),)
    click(qtbot, panel, "stopRemove")
    assert kept_names(panel) == {"logit_bias"}
    assert not any(line.isVisible() for line in panel.findChildren(QLineEdit, "stopText"))


def test_the_default_preset_gives_everything_back_to_the_model(panel: SamplingPanel) -> None:
    panel.set_defaults(DEFAULTS)
    panel.set_presets([PresetChoice("Default", {}, "", False), PresetChoice("Mine", ALL, "", True)])
    box = find(panel, QComboBox, "preset")
    assert box.currentText() == "Default"
    box.activated.emit(1)
    seedless = {name: value for name, value in ALL.items() if name != "seed"}
    assert panel.values().sampling == seedless and box.currentText() == "Mine"
    find(panel, QSpinBox, "topK").setValue(8)
    assert box.currentIndex() == -1
    box.activated.emit(0)
    assert panel.values().sampling == {} and box.currentText() == "Default"


# -- on the page -----------------------------------------------------------------------------------


def test_the_models_values_are_shown_and_asked_for_and_the_chat_keeps_only_its_own(desk: Desk, qtbot: QtBot) -> None:
    assert desk.library.path is not None
    desk.defaults[desk.library.path.name] = DEFAULTS
    find(desk.page, QSpinBox, "topK").setValue(9)
    desk.answer("Hello", "Hi")
    sampling = desk.engine.requests[-1].sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p) == (0.6, 0.8, 9, 0.005)
    qtbot.waitUntil(lambda: label(desk.page, "temperatureSource") == "from the model")
    chat = desk.page._talk.chat
    assert chat is not None and desk.store.chat(chat.id).sampling == {"top_k": 9}


def test_a_chat_whose_settings_are_damaged_is_answered_all_the_same(desk: Desk, qtbot: QtBot) -> None:
    old = desk.store.create(title="Old", sampling={"temperature": "hot", "nobody": 1, "stop": ["END"]})
    desk.page.open_chat(old.id)
    qtbot.waitUntil(lambda: desk.page._talk.chat is not None)
    desk.answer("Hello", "Hi")
    sampling = desk.engine.requests[-1].sampling
    assert (sampling.temperature, sampling.stop) == (0.7, ("END",))


def test_a_preset_holds_all_that_is_set(desk: Desk, qtbot: QtBot) -> None:
    panel = desk.page._side.settings
    panel.set_values(ChatSettings(sampling=ALL))
    desk.page._presets.save("All of it")
    box = find(desk.page, QComboBox, "preset")
    qtbot.waitUntil(lambda: box.currentText() == "All of it")
    (kept,) = desk.settings.get(PRESETS)
    panel.set_values(ChatSettings())
    assert kept.sampling.keys() == ALL.keys() - {"seed"}
    box.activated.emit(box.findText("All of it"))
    assert panel.values().sampling == {name: value for name, value in ALL.items() if name != "seed"}
    assert find(panel, QLabel, "temperatureSource").text() == "set here"
