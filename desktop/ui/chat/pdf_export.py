"""A chat as a PDF to read and print: as the window shows it, in light colours."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale
from PySide6.QtGui import QFont, QFontDatabase

from desktop.core.words import tr
from desktop.store.chats import Chat, Message

if TYPE_CHECKING:
    from desktop.ui.shared.transcript.formulas import Typeset

Write = Callable[[Chat, Sequence[Message]], bytes]


def pdf_writer(font: QFont, typeset: Typeset, *, reasoning: bool) -> Write:
    """What makes the file, on any thread; asked for on the GUI thread. ``reasoning``: what was thought goes in, too."""
    monospace = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    letter = QLocale.system().measurementSystem() == QLocale.MeasurementSystem.ImperialUSSystem

    def write(chat: Chat, branch: Sequence[Message]) -> bytes:
        from desktop.ui.chat.figures import transcript_message
        from desktop.ui.shared.transcript.paper import paper_style, to_pdf

        title = " ".join(chat.title.split()) or tr("Chat")
        made = datetime.datetime.fromtimestamp(chat.created)
        about = " · ".join(filter(None, [chat.model, f"{made.day} {made:%B %Y, %H:%M}"]))
        shown = [transcript_message(message) for message in branch]
        messages = shown if reasoning else [replace(message, reasoning="") for message in shown]
        style = paper_style(font, monospace, typeset)
        return to_pdf(title, about, chat.system_prompt, messages, style, letter=letter)

    return write
