"""The system prompt of a chat: its text, and the saved prompts to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QMenu, QPlainTextEdit, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from desktop.core.text import one_line, plain_tooltip, visible_in_place
from desktop.core.words import tr
from desktop.store.options import SavedPrompt
from desktop.ui.chat import actions
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

_PROMPT_HEIGHT = 66
_MEANING = tr("Saved system prompts.")


class PromptPanel(QWidget):
    """``changed`` comes after the user changed the text, or chose another one."""

    changed = Signal()
    save_asked = Signal()  # the text under a name
    update_asked = Signal(str)  # the text under the name that it was chosen by
    rename_asked = Signal(str)
    delete_asked = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("promptPanel")
        self._theme = theme
        self._prompts: tuple[SavedPrompt, ...] = ()
        self._name = ""  # of the prompt that the text was, before it was changed
        self._filling = False
        self._choice = ElidedChoice()
        self._choice.setObjectName("savedPrompt")
        self._choice.setAccessibleName(tr("Saved prompt"))
        self._choice.setAccessibleDescription(_MEANING)
        self._choice.setToolTip(_MEANING)
        self._choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._choice.hide()
        self._text = QPlainTextEdit()
        self._text.setObjectName("systemPrompt")
        self._text.setAccessibleName(tr("System prompt"))
        self._text.setPlaceholderText(tr("What the model should know, or how it should answer (optional)"))
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(_PROMPT_HEIGHT)
        self.more = QToolButton()
        self.more.setObjectName("promptMenu")
        self.more.setAccessibleName(tr("Save, change or delete prompts"))
        self.more.setToolTip(tr("Save, change or delete prompts"))
        self.more.setProperty("role", "ghost")
        self.more.setIconSize(QSize(16, 16))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._choice)
        column.addWidget(self._text)
        self._text.textChanged.connect(self._edited)
        self._choice.activated.connect(self._take)
        self.more.clicked.connect(self._show_menu)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    @property
    def text(self) -> str:
        """What was written."""
        return self._text.toPlainText()

    def set_text(self, text: str) -> None:
        """Show a chat's prompt. Emits nothing."""
        self._name = ""
        self._fill(text)
        self._show_choice()

    def set_prompts(self, prompts: Sequence[SavedPrompt]) -> None:
        """The prompts to choose from."""
        self._prompts = tuple(prompts)
        self._choice.clear()
        for row, prompt in enumerate(self._prompts):
            self._choice.addItem(visible_in_place(prompt.name))
            self._choice.setItemData(row, plain_tooltip(one_line(prompt.text)), Qt.ItemDataRole.ToolTipRole)
        self._choice.setVisible(bool(self._prompts))
        self._show_choice()

    def open_choice(self) -> None:
        """Open the list of saved prompts."""
        if self._prompts:
            self._choice.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self._choice.showPopup()

    @property
    def has_prompts(self) -> bool:
        """Whether there are saved prompts."""
        return bool(self._prompts)

    def menu(self) -> QMenu:
        """What can be done with the text, and with the saved prompt that it is or was."""
        menu = QMenu(self)
        menu.setObjectName("promptActions")
        menu.addAction(actions.SAVE_PROMPT.short, self.save_asked.emit).setEnabled(bool(self.text.strip()))
        saved = next((prompt for prompt in self._prompts if prompt.name == self._name), None)
        if saved is not None:
            name = visible_in_place(saved.name).replace("&", "&&")
            update = menu.addAction(
                tr("Save the changes to “{name}”", name=name), lambda: self.update_asked.emit(saved.name)
            )
            update.setEnabled(saved.text != self.text and bool(self.text.strip()))
            menu.addAction(tr("Rename “{name}”…", name=name), lambda: self.rename_asked.emit(saved.name))
            menu.addAction(tr("Delete “{name}”", name=name), lambda: self.delete_asked.emit(saved.name))
        return menu

    # -- inside -----------------------------------------------------------------------------------

    def _fill(self, text: str) -> None:
        self._filling = True
        try:
            self._text.setPlainText(text)
        finally:
            self._filling = False

    def _take(self, row: int) -> None:
        self._name = self._prompts[row].name
        if self._prompts[row].text != self.text:
            self._fill(self._prompts[row].text)
            self.changed.emit()
        self._show_choice()

    def _edited(self) -> None:
        if not self._filling:
            self._show_choice()
            self.changed.emit()

    def _show_choice(self) -> None:
        text = self.text
        same = [row for row, prompt in enumerate(self._prompts) if prompt.text == text]
        row = next((row for row in same if self._prompts[row].name == self._name), same[0] if same else -1)
        if row >= 0:
            self._name = self._prompts[row].name
        changed = row < 0 and any(prompt.name == self._name for prompt in self._prompts)
        self._choice.setPlaceholderText(
            tr("{name}, changed", name=visible_in_place(self._name)) if changed else tr("Own text")
        )
        self._choice.setCurrentIndex(row)

    def _show_menu(self) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _paint_icon(self) -> None:
        self.more.setIcon(icon(self._theme, "more", size=16))
