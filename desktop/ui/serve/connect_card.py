"""Ready lines that connect other programs: one tab for each way, and a menu of editors and the like."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QPlainTextEdit, QToolButton, QWidget

from desktop.core.words import tr
from desktop.services.serve.snippets import NO_MODEL, SNIPPETS, Snippet
from desktop.ui.serve import actions
from desktop.ui.serve.card import ServeCard
from desktop.ui.shared.chips import FlowLayout, chip, menu_chip
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import Theme

_LINES = 8  # of the text in view; the rest scrolls
_MARGINS = 20


class ConnectCard(ServeCard):
    """Shows one program's lines for the server's address and a model that is there."""

    def __init__(self, commands: ActionRegistry, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("serveConnectCard", tr("Connect"), parent)
        self._address, self._model = "", NO_MODEL
        self._chosen = SNIPPETS[0]
        self._chips = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        held = QWidget()
        flow = FlowLayout(held)
        for snippet in SNIPPETS:
            if not snippet.editor:
                button = chip(
                    snippet.title, f"serveSnippet_{snippet.name}", tr("Lines for {title}", title=snippet.title)
                )
                button.clicked.connect(calling(self.choose, snippet))
                self._chips.addButton(button)
                self._buttons[snippet.name] = button
                flow.addWidget(button)
        self._more, menu = menu_chip(tr("Editors"), "serveEditors", tr("Lines for editors, agents and chat programs"))
        self._more.setCheckable(True)
        self._chips.addButton(self._more)
        for snippet in (found for found in SNIPPETS if found.editor):
            entry = menu.addAction(snippet.title)
            entry.setObjectName(f"serveSnippet_{snippet.name}")
            entry.triggered.connect(calling(self.choose, snippet))
        menu.aboutToHide.connect(self._mark)
        flow.addWidget(self._more)
        self.head.addWidget(held, 1)
        self.head.addWidget(commands.button(actions.COPY_LINES, "serveCopyLines"))
        self._text = QPlainTextEdit()
        self._text.setObjectName("serveLines")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self._text.setFont(theme.monospace)
        self._text.setFixedHeight(_LINES * self._text.fontMetrics().lineSpacing() + _MARGINS)
        self.column.addWidget(self._text)
        self.column.addStretch(1)
        self._show()

    def show_target(self, address: str, model: str) -> None:
        """Name another address or model in the lines."""
        if (address, model) != (self._address, self._model):
            self._address, self._model = address, model
            self._show()

    @property
    def model(self) -> str:
        """The model that the lines name."""
        return self._model

    def choose(self, snippet: Snippet) -> None:
        """Show the lines for another program."""
        self._chosen = snippet
        self._show()

    def copy(self) -> str:
        """Put the lines into the clipboard; the program they are for."""
        QGuiApplication.clipboard().setText(self._text.toPlainText())
        return self._chosen.title

    def _show(self) -> None:
        self._mark()
        text = self._chosen.text(self._address, self._model)
        if text != self._text.toPlainText():
            self._text.setPlainText(text)
        self._text.setAccessibleName(tr("Lines for {title}", title=self._chosen.title))

    def _mark(self) -> None:
        """The tab of what is shown is the checked one, whatever was pressed."""
        self._buttons.get(self._chosen.name, self._more).setChecked(True)
        self._more.setText(f"{self._chosen.title if self._chosen.editor else tr('Editors')} ▾")
