"""Fields for numbers: typed with a point or a comma, shown in one way, whatever the language of the system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QAbstractSpinBox
from pytestqt.qtbot import QtBot
from support.widgets import find, shown

from desktop.ui.chat.sampling_panel import ChatSettings, SamplingPanel
from desktop.ui.shared.number_fields import DecimalField, WholeField
from desktop.ui.shell.theme import Theme


@pytest.fixture(params=["C", "de_DE", "fr_FR", "de_CH"], autouse=True)
def language(request: pytest.FixtureRequest) -> Iterator[QLocale]:
    """The system speaks another language."""
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield QLocale()
    QLocale.setDefault(before)


def _type(qtbot: QtBot, field: QAbstractSpinBox, text: str) -> None:
    field.activateWindow()
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("typed", "value", "shown_as"),
    [("0.3", 0.3, "0.30"), ("0,3", 0.3, "0.30"), (",75", 0.75, "0.75"), ("1234.5", 1234.5, "1,234.50"),
     ("1.234,5", 1234.5, "1,234.50"), ("7", 7.0, "7.00")],
)  # fmt: skip
def test_decimals(qtbot: QtBot, typed: str, value: float, shown_as: str) -> None:
    field = shown(qtbot, DecimalField(10_000, 0.5), 160, 40)
    _type(qtbot, field, typed)
    assert (field.value(), field.text()) == (value, shown_as)
    field.stepUp()
    assert field.value() == value + 0.5


def test_what_is_beyond_the_range_cannot_be_typed(qtbot: QtBot) -> None:
    field = shown(qtbot, DecimalField(2.0, 0.05), 160, 40)
    _type(qtbot, field, "x2,-5")  # no letter, no sign, and 25 would be too much
    assert field.value() == 2.0
    _type(qtbot, field, "0,")
    assert (field.value(), field.text()) == (0.0, "0.00")
    whole = shown(qtbot, WholeField(100, low=10), 160, 40)
    _type(qtbot, whole, "1000")
    assert whole.value() == 100
    _type(qtbot, whole, "5")  # too little: what was there stays
    assert whole.value() == 100


@pytest.mark.parametrize("typed", ["16384", "16,384", "16.384", "16 384"])
def test_whole_numbers(qtbot: QtBot, typed: str) -> None:
    field = shown(qtbot, WholeField(1 << 24, "off"), 160, 40)
    assert field.text() == "off"
    _type(qtbot, field, typed)
    assert (field.value(), field.text()) == (16384, "16,384")
    _type(qtbot, field, "off")
    assert (field.value(), field.text()) == (0, "off")
    _type(qtbot, field, "0")
    assert field.text() == "off"


def test_units_stand_beside_the_number(qtbot: QtBot) -> None:
    field = shown(qtbot, DecimalField(1000, 0.1, decimals=1), 160, 40)
    field.setSuffix(" GB")
    _type(qtbot, field, "1,5 GB")
    assert (field.value(), field.text()) == (1.5, "1.5 GB")
    _type(qtbot, field, "2.5")
    assert (field.value(), field.text()) == (2.5, "2.5 GB")


def test_the_chat_s_settings_take_both_marks(qtbot: QtBot, theme: Theme) -> None:
    panel = shown(qtbot, SamplingPanel(theme), 320, 700)
    panel.set_values(ChatSettings())
    _type(qtbot, find(panel, QAbstractSpinBox, "temperature"), "0.3")
    _type(qtbot, find(panel, QAbstractSpinBox, "topP"), "0,9")
    _type(qtbot, find(panel, QAbstractSpinBox, "maxTokens"), "4.096")
    values = panel.values()
    assert (values.sampling["temperature"], values.sampling["top_p"], values.max_tokens) == (0.3, 0.9, 4096)
    assert find(panel, QAbstractSpinBox, "temperature").text() == "0.30"
