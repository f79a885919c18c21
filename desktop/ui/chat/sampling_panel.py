"""The settings of one chat: system prompt, preset, sampling and limits, in groups that fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from desktop.core.sampling_defaults import NO_DEFAULTS, SamplingDefaults, resolved
from desktop.core.sampling_fields import FIELDS, SAMPLING_FIELDS, SamplingField, SamplingValues, settled
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.ui.chat.fold import Fold
from desktop.ui.chat.prompt_panel import PromptPanel
from desktop.ui.chat.sampling_editors import FIELD_WIDTH
from desktop.ui.chat.sampling_expert import ExpertFold
from desktop.ui.chat.sampling_row import SamplingRow
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.tokens_field import TokensField
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_PRESET_WIDTH = 160
_PRESET_MEANING = tr("Sampling values that go together.")
_TOKENS_MEANING = tr("The longest answer, in tokens.")
_ONE_FORM = {
    "grammar": tr("A JSON schema is set, and an answer can keep to one of both."),
    "json_schema": tr("A grammar is set, and an answer can keep to one of both."),
}


@dataclass(frozen=True)
class ChatSettings:
    """What is kept per chat: of ``sampling`` what its user set; ``max_tokens`` 0 is no limit."""

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
    """Each value is the chat's, the model's or Heft's; ``changed`` comes after the user changed anything."""

    changed = Signal()
    save_preset_asked = Signal()
    delete_preset_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._presets: tuple[PresetChoice, ...] = ()
        self._filling = False
        self._chosen: SamplingValues = {}
        self._defaults = NO_DEFAULTS
        self.setObjectName("samplingPanel")
        self._preset = ElidedChoice()  # own presets have names of any length
        self._more = QToolButton()
        self._max_tokens = TokensField(0, 1_000_000, 128, tr("no limit"))
        self.prompt = PromptPanel(theme)
        self._rows: dict[str, SamplingRow] = {}
        self.expert = ExpertFold(theme, self._row)
        self._dress()
        self._lay_out()
        self._connect()
        self._paint_icon()
        self.set_values(ChatSettings())

    def _row(self, known: SamplingField) -> SamplingRow:
        """The row of a field, which follows what is set from now on."""
        row = SamplingRow(self._theme, known)
        row.edited.connect(lambda: self._set(known.name, row.value))
        row.reset_asked.connect(lambda: self._reset(known.name))
        self._rows[known.name] = row
        self._show_row(row)
        return row

    def _dress(self) -> None:
        self._preset.setPlaceholderText(tr("Custom"))
        self._more.setObjectName("presetMenu")
        self._more.setAccessibleName(tr("Save or delete presets"))
        self._more.setToolTip(tr("Save or delete presets"))
        self._more.setProperty("role", "ghost")
        self._more.setIconSize(QSize(16, 16))
        self._name(tr("Preset"), self._preset, "preset", _PRESET_MEANING, _PRESET_WIDTH)
        self._name(tr("Max tokens"), self._max_tokens, "maxTokens", _TOKENS_MEANING, FIELD_WIDTH)

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setObjectName("samplingFields")
        fields = QVBoxLayout(inside)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(3)
        fields.addLayout(self._line(tr("Preset"), self._preset, _PRESET_MEANING))
        for known in SAMPLING_FIELDS:
            if known.group == "common":
                fields.addWidget(self._row(known))
        fields.addLayout(self._line(tr("Max tokens"), self._max_tokens, _TOKENS_MEANING))
        self.prompt_group = Fold(self._theme, "prompt", tr("Prompt"), self.prompt, beside=self.prompt.more)
        self.sampling_group = Fold(self._theme, "sampling", tr("Sampling"), inside, beside=self._more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for group in (self.prompt_group, self.sampling_group, self.expert):
            column.addWidget(group)

    @staticmethod
    def _name(title: str, control: QWidget, name: str, meaning: str, width: int) -> None:
        control.setObjectName(name)
        control.setAccessibleName(title)
        control.setAccessibleDescription(meaning)
        control.setToolTip(meaning)
        control.setFixedWidth(width)

    def _line(self, title: str, control: QWidget, meaning: str) -> QHBoxLayout:
        line = QHBoxLayout()
        line.addWidget(self._label(title, control, meaning), 1)
        line.addWidget(control)
        return line

    @staticmethod
    def _label(title: str, control: QWidget, meaning: str) -> QLabel:
        label = QLabel(title)
        label.setBuddy(control)
        label.setToolTip(meaning)
        label.setWordWrap(True)  # in a narrow window, between its words
        return label

    def _connect(self) -> None:
        self._max_tokens.valueChanged.connect(self._edited)
        self.prompt.changed.connect(self._edited)
        self.expert.made.connect(self._show_rest)
        self._preset.activated.connect(self._take_preset)
        self._more.clicked.connect(self._show_preset_menu)
        self._theme.changed.connect(self._paint_icon)

    # -- what the page calls ----------------------------------------------------------------------

    def values(self) -> ChatSettings:
        """What was set."""
        return ChatSettings(self.prompt.text, dict(self._chosen), self._max_tokens.value())

    def set_values(self, settings: ChatSettings) -> None:
        """Show a chat's settings; what is missing in ``sampling`` is the model's or Heft's. Emits nothing."""
        with self._quietly():
            self._chosen = _kept(settings.sampling)
            self._show_sampling()
            self._max_tokens.setValue(settings.max_tokens)
            self.prompt.set_text(settings.system_prompt)

    def set_defaults(self, defaults: SamplingDefaults) -> None:
        """The model is another one: what is not set follows it. Emits nothing."""
        if defaults != self._defaults:
            self._defaults = defaults
            self._show_sampling()

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
        menu.addAction(tr("Save as preset…"), self.save_preset_asked.emit)
        row = self._preset.currentIndex()
        if row >= 0 and self._presets[row].own:
            name = self._presets[row].name
            menu.addAction(tr("Delete “{name}”", name=name), lambda: self.delete_preset_asked.emit(name))
        return menu

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def _set(self, name: str, value: Any) -> None:
        """The user changed a value."""
        if _is_empty(value):
            self._chosen.pop(name, None)
        else:
            self._chosen[name] = value
        source = "chat" if name in self._chosen else self._defaults.of(name).source
        self._rows[name].show_source(source, self._defaults.of(name))
        self._show_rest()
        self._edited()

    def _reset(self, name: str) -> None:
        """A value comes from the model or from Heft again; the keyboard stays with it."""
        self._chosen.pop(name, None)
        row = self._rows[name]
        row.take_focus()
        self._show_row(row)
        self._show_rest()
        self._edited()

    def _show_sampling(self) -> None:
        for row in self._rows.values():
            self._show_row(row)
        self._show_rest()

    def _show_row(self, row: SamplingRow) -> None:
        name = row.field.name
        default = self._defaults.of(name)
        found = resolved(self._defaults, self._chosen)[name]
        if name in self._chosen and found.source != "chat":  # what does not count is shown as it was typed
            found = replace(found, value=self._chosen[name], source="chat")
        row.show_value(found, default)

    def _show_rest(self) -> None:
        """What follows from all values together."""
        self._show_preset()
        self.expert.show_set(self._chosen)
        forms = [row for name, row in self._rows.items() if name in _ONE_FORM]
        for row in forms:
            other = next(name for name in _ONE_FORM if name != row.field.name)
            taken = other in self._chosen and (row.field.name == "json_schema" or row.field.name not in self._chosen)
            row.block(_ONE_FORM[row.field.name] if taken else "")

    def _edited(self) -> None:
        if not self._filling:
            self.changed.emit()

    def _take_preset(self, row: int) -> None:
        seed = {name: value for name, value in self._chosen.items() if name == "seed"}
        self._chosen = _style(self._presets[row].sampling) | seed
        with self._quietly():
            self._show_sampling()
        self._edited()

    def _show_preset(self) -> None:
        now = _style(self._chosen)
        row = next((n for n, preset in enumerate(self._presets) if _style(preset.sampling) == now), -1)
        self._preset.setCurrentIndex(row)
        self._preset.setToolTip(plain_tooltip(self._presets[row].tooltip if row >= 0 else tr("Values of your own.")))

    def _show_preset_menu(self) -> None:
        menu = self.preset_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _paint_icon(self) -> None:
        self._more.setIcon(icon(self._theme, "more", size=16))


def _style(sampling: SamplingValues) -> SamplingValues:
    """What a preset holds of these values; the seed is no part of a style."""
    return {name: value for name, value in _kept(sampling).items() if name != "seed"}


def _kept(sampling: SamplingValues) -> SamplingValues:
    """What is set; a grammar or a schema as it was typed, also while it is not right yet."""
    typed = {
        name: value
        for name, value in sampling.items()
        if name in FIELDS and FIELDS[name].kind in ("grammar", "json") and isinstance(value, str)
    }
    return {name: value for name, value in (settled(sampling) | typed).items() if not _is_empty(value)}


def _is_empty(value: object) -> bool:
    """Whether a value is the same as none."""
    return value is None or value == () or (isinstance(value, str) and not value.strip())
