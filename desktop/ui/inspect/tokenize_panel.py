"""How a text becomes tokens: a field, the engine's real tokenizer, and the tokens as chips."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.core.errors import HeftError
from desktop.core.words import counted, tr
from desktop.services.inspect.inspection import Inspected
from desktop.services.inspect.tokenizer import Token, TokenizerService
from desktop.ui.inspect.token_chips import MAX_CHIPS, TokenChips
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

PAUSE_MILLISECONDS = 150  # typing this long paused is split
EXAMPLE = tr("How does this text become tokens? Naïve cafés cost 12,345.67 €. 世界")


class TokenizePanel(QWidget):
    """Splits the text again whenever it, an option or the model changes; the former call is cancelled."""

    token_asked = Signal(int)

    def __init__(self, theme: Theme, tasks: Tasks, service: TokenizerService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectTokenize")
        self._tasks, self._service = tasks, service
        self._inspected: Inspected | None = None
        self._running: Task | None = None
        self._tokens: tuple[Token, ...] = ()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MILLISECONDS)
        self._pause.timeout.connect(self._split)
        self._chips = TokenChips(theme)
        self._chips.token_asked.connect(self.token_asked)
        self._build()

    def show_model(self, inspected: Inspected | None) -> None:
        """Use this model's tokenizer; None for none."""
        self._cancel()
        self._inspected = inspected
        self._show_tokens(())
        self._count.setText("")
        if inspected is not None:
            self._split()

    def _build(self) -> None:
        title = QLabel(tr("How does this text become tokens?"))
        set_role(title, "subtitle")
        self._text = QPlainTextEdit(EXAMPLE)
        self._text.setObjectName("inspectTokenizeText")
        self._text.setAccessibleName(tr("Text to split into tokens"))
        self._text.setTabChangesFocus(True)
        self._text.setMaximumHeight(84)
        self._text.textChanged.connect(lambda *_: self._pause.start())
        self._add = QCheckBox(tr("Add special tokens"))
        self._add.setObjectName("inspectTokenizeAdd")
        self._add.setToolTip(tr("Put BOS and EOS around the text where the vocabulary asks for them"))
        self._parse = QCheckBox(tr("Read special tokens"))
        self._parse.setObjectName("inspectTokenizeParse")
        self._parse.setToolTip(tr("Take control tokens such as <|im_start|> in the text as tokens, not as letters"))
        for box in (self._add, self._parse):
            box.setAccessibleName(box.text())
            box.toggled.connect(self._split)
        self._count = plain_label("inspectTokenizeCount")
        self._copy = push_button(tr("Copy ids"), "inspectTokenizeCopy", spoken=tr("Copy the ids of all tokens"))
        self._copy.clicked.connect(self._copy_ids)
        options = QHBoxLayout()
        for widget in (self._add, self._parse):
            options.addWidget(widget)
        options.addStretch(1)
        options.addWidget(self._copy)
        scroll = QScrollArea()
        scroll.setObjectName("inspectTokenizeScroll")
        scroll.setAccessibleName(tr("Tokens"))
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._chips)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(self._text)
        column.addLayout(options)
        column.addWidget(self._count)
        column.addWidget(scroll, 1)

    def _split(self) -> None:
        self._cancel()
        inspected, text = self._inspected, self._text.toPlainText()
        if inspected is None:
            return
        add, parse = self._add.isChecked(), self._parse.isChecked()
        if not self._tokens:
            self._count.setText(tr("Loading the tokenizer…"))
        self._running = self._tasks.run(
            lambda context: self._service.tokenize(
                inspected, text, add_special=add, parse_special=parse, cancelled=lambda: context.cancelled
            ),
            done=lambda tokens: self._done(tokens, text),
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _done(self, tokens: tuple[Token, ...], text: str) -> None:
        self._running = None
        self._show_tokens(tokens)
        self._count.setText(in_words(len(tokens), len(text)))

    def _failed(self, error: HeftError) -> None:
        self._running = None
        self._show_tokens(())
        self._count.setText(f"{error.message} {error.hint}")

    def _show_tokens(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._chips.set_tokens(tokens)
        self._copy.setEnabled(bool(tokens))

    def _copy_ids(self) -> None:
        QGuiApplication.clipboard().setText(", ".join(str(token.id) for token in self._tokens))

    def _cancel(self) -> None:
        self._pause.stop()
        if self._running is not None:
            self._running.cancel()
            self._running = None


def in_words(tokens: int, characters: int) -> str:
    """``18 tokens · 64 characters · 3.6 characters per token``."""
    if not tokens:
        return tr("No tokens: the text is empty.")
    words = tr(
        "{tokens} · {characters:,} characters · {each:.1f} per token",
        tokens=counted(tokens, "token"),
        characters=characters,
        each=characters / tokens,
    )
    return (
        tr("{words} · the first {max_chips:,} are shown", words=words, max_chips=MAX_CHIPS)
        if tokens > MAX_CHIPS
        else words
    )
