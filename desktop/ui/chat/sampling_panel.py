"""The settings of one chat: preset, sampling, limits and system prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.core.text import plain_tooltip
from desktop.engine.api import Sampling
from desktop.ui.chat.sampling_fields import SeedField
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.number_fields import DecimalField, WholeField
from desktop.ui.shared.tokens_field import TokensField
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_FIELD_WIDTH = 118
_PRESET_WIDTH = 160
_PROMPT_HEIGHT = 66
_MEANINGS = {
    "preset": "Sampling values that go together.",
    "temperature": "How freely words are chosen. 0 always takes the likeliest.",
    "topK": "Only the k likeliest tokens may be chosen. 0 is off.",
    "topP": "Only the likeliest tokens that together reach this probability. 1 is off.",
    "minP": "Only tokens at least this likely compared with the likeliest. 0 is off.",
    "repeatPenalty": "Makes tokens that were just used less likely. 1 is off.",
    "seed": "A number makes the answer repeatable; empty draws a fresh one each time.",
    "maxTokens": "The longest answer, in tokens.",
}

SamplingValues = dict[str, float | int | None]


@dataclass(frozen=True)
class ChatSettings:
    """What is kept per chat; ``max_tokens`` 0 is no limit."""

    system_prompt: str = ""
    sampling: SamplingValues = field(default_factory=dict)
    max_tokens: int = 0


@dataclass(frozen=True)
class PresetChoice:
    """An entry of the preset box. ``own`` ones, saved by the user, can be deleted."""

    name: str
    sampling: SamplingValues
    tooltip: str
    own: bool


class SamplingPanel(QWidget):
    """Fields with their meaning as tooltip; ``changed`` comes after the user changed any of them."""

    changed = Signal()
    save_preset_asked = Signal()
    delete_preset_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._presets: tuple[PresetChoice, ...] = ()
        self._filling = False
        self.setObjectName("samplingPanel")
        self._preset = ElidedChoice()  # own presets have names of any length
        self._more = QToolButton()
        self._temperature = DecimalField(2.0, 0.05)
        self._top_k = WholeField(1000, "off")
        self._top_p = DecimalField(1.0, 0.01)
        self._min_p = DecimalField(1.0, 0.01)
        self._penalty = DecimalField(2.0, 0.05)
        self._seed = SeedField()
        self._max_tokens = TokensField(0, 1_000_000, 128, "no limit")
        self._prompt = QPlainTextEdit()
        self._dress()
        self._lay_out()
        self._connect()
        self._paint_icon()
        self.set_values(ChatSettings())

    def _dress(self) -> None:
        self._preset.setPlaceholderText("Custom")
        self._more.setObjectName("presetMenu")
        self._more.setAccessibleName("Save or delete presets")
        self._more.setToolTip("Save or delete presets")
        self._more.setProperty("role", "ghost")
        self._more.setIconSize(QSize(16, 16))
        self._prompt.setObjectName("systemPrompt")
        self._prompt.setAccessibleName("System prompt")
        self._prompt.setPlaceholderText("What the model should know, or how it should answer (optional)")
        self._prompt.setTabChangesFocus(True)
        self._prompt.setFixedHeight(_PROMPT_HEIGHT)

    def _lay_out(self) -> None:
        heading = QLabel("Settings")
        heading.setProperty("role", "subtitle")
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        rows: tuple[tuple[str, QWidget, str], ...] = (
            ("Preset", self._preset, "preset"),
            ("Temperature", self._temperature, "temperature"),
            ("Top-k", self._top_k, "topK"),
            ("Top-p", self._top_p, "topP"),
            ("Min-p", self._min_p, "minP"),
            ("Repeat penalty", self._penalty, "repeatPenalty"),
            ("Seed", self._seed, "seed"),
            ("Max tokens", self._max_tokens, "maxTokens"),
        )
        for line, (title, control, name) in enumerate(rows):
            self._name(title, control, name)
            label = self._label(title, control, _MEANINGS[name])
            if control is self._preset:  # its names are longer than any number
                control.setFixedWidth(_PRESET_WIDTH)
                beside = QHBoxLayout()
                beside.addWidget(label, 1)
                beside.addWidget(control)
                grid.addLayout(beside, line, 0, 1, 2)
            else:
                grid.addWidget(label, line, 0)
                grid.addWidget(control, line, 1)
        heading_row = QHBoxLayout()
        heading_row.addWidget(heading, 1)
        heading_row.addWidget(self._more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(heading_row)
        column.addLayout(grid)
        column.addWidget(self._label("System prompt", self._prompt, ""))
        column.addWidget(self._prompt)

    @staticmethod
    def _name(title: str, control: QWidget, name: str) -> None:
        control.setObjectName(name)
        control.setAccessibleName(title)
        control.setAccessibleDescription(_MEANINGS[name])
        control.setToolTip(_MEANINGS[name])
        control.setFixedWidth(_FIELD_WIDTH)

    @staticmethod
    def _label(title: str, control: QWidget, meaning: str) -> QLabel:
        label = QLabel(title)
        label.setBuddy(control)
        label.setToolTip(meaning)
        label.setWordWrap(True)  # in a narrow window, between its words
        return label

    def _connect(self) -> None:
        for number in (self._temperature, self._top_p, self._min_p, self._penalty):
            number.valueChanged.connect(self._edited)
        for whole in (self._top_k, self._max_tokens):
            whole.valueChanged.connect(self._edited)
        self._seed.textChanged.connect(self._edited)
        self._prompt.textChanged.connect(self._edited)
        self._preset.activated.connect(self._take_preset)
        self._more.clicked.connect(self._show_preset_menu)
        self._theme.changed.connect(self._paint_icon)

    # -- what the page calls ----------------------------------------------------------------------

    def values(self) -> ChatSettings:
        """What the fields say."""
        sampling: SamplingValues = {
            "temperature": round(self._temperature.value(), 4),
            "top_k": self._top_k.value(),
            "top_p": round(self._top_p.value(), 4),
            "min_p": round(self._min_p.value(), 4),
            "repeat_penalty": round(self._penalty.value(), 4),
            "seed": self._seed.seed(),
        }
        return ChatSettings(self._prompt.toPlainText(), sampling, self._max_tokens.value())

    def set_values(self, settings: ChatSettings) -> None:
        """Show a chat's settings; what is missing in ``sampling`` gets its default. Emits nothing."""
        with self._quietly():
            self._show_sampling(settings.sampling)
            self._seed.set_seed(settings.sampling.get("seed"))
            self._max_tokens.setValue(settings.max_tokens)
            self._prompt.setPlainText(settings.system_prompt)
        self._show_preset()

    def set_presets(self, presets: Sequence[PresetChoice]) -> None:
        """The presets to choose from."""
        self._presets = tuple(presets)
        self._preset.clear()
        for row, preset in enumerate(self._presets):
            self._preset.addItem(preset.name)
            self._preset.setItemData(row, plain_tooltip(preset.tooltip), Qt.ItemDataRole.ToolTipRole)
        self._show_preset()

    def preset_menu(self) -> QMenu:
        """Save the values, delete an own preset."""
        menu = QMenu(self)
        menu.setObjectName("presetActions")
        menu.addAction("Save as preset…", self.save_preset_asked.emit)
        row = self._preset.currentIndex()
        if row >= 0 and self._presets[row].own:
            name = self._presets[row].name
            menu.addAction(f"Delete “{name}”", lambda: self.delete_preset_asked.emit(name))
        return menu

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def _show_sampling(self, sampling: SamplingValues) -> None:
        defaults = Sampling()

        def value(name: str) -> float:
            given = sampling.get(name)
            return float(getattr(defaults, name) if given is None else given)

        self._temperature.setValue(value("temperature"))
        self._top_k.setValue(int(value("top_k")))
        self._top_p.setValue(value("top_p"))
        self._min_p.setValue(value("min_p"))
        self._penalty.setValue(value("repeat_penalty"))

    def _edited(self) -> None:
        if not self._filling:
            self._show_preset()
            self.changed.emit()

    def _take_preset(self, row: int) -> None:
        with self._quietly():
            self._show_sampling(self._presets[row].sampling)
        self._edited()

    def _show_preset(self) -> None:
        now = self.values().sampling
        row = next((n for n, preset in enumerate(self._presets) if _is_style_of(preset, now)), -1)
        self._preset.setCurrentIndex(row)
        self._preset.setToolTip(plain_tooltip(self._presets[row].tooltip if row >= 0 else "Values of your own."))

    def _show_preset_menu(self) -> None:
        menu = self.preset_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _paint_icon(self) -> None:
        self._more.setIcon(icon(self._theme, "more", size=16))


def _is_style_of(preset: PresetChoice, now: SamplingValues) -> bool:
    """Whether the values are those of the preset; the seed is no part of a style."""
    return all(_same(now.get(name), value) for name, value in preset.sampling.items() if name != "seed")


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) < 1e-6)
