"""The transcript of the page Chat, joined with the conversation that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QCursor, QDesktopServices

from desktop.store.chats import Message
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.tidying import Tidying
from desktop.ui.shared.missing_fonts import MissingFonts
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.ui.shared.transcript import TranscriptView
    from desktop.ui.shared.transcript.formulas import Typeset

_LEAST_HEIGHT = 40  # pixels: in a low window what has to be decided goes first


def joined_transcript(
    theme: Theme,
    talk: Conversation,
    typeset: Typeset | None,
    tasks: Tasks,
    edit: Callable[[int], None],
    tidying: Tidying,
    tell: Callable[[str], object],
) -> TranscriptView:
    """A transcript whose requests go to the conversation; ``tell`` says what was copied."""
    from desktop.ui.shared.transcript import Formulas, TranscriptView  # not before there is a message to show

    formulas = Formulas(typeset, tasks, talk) if typeset is not None else None
    view = TranscriptView(theme, formulas=formulas)
    view.set_busy(talk.busy)
    view.setMinimumHeight(_LEAST_HEIGHT)
    view.regenerate_requested.connect(talk.regenerate)
    view.continue_requested.connect(talk.continue_)
    view.edit_requested.connect(edit)
    view.branch_requested.connect(talk.switch)
    view.fork_requested.connect(tidying.fork)
    view.delete_requested.connect(tidying.take_out)
    view.link_activated.connect(lambda address: QDesktopServices.openUrl(QUrl(address)))
    view.copied.connect(tell)
    view.word_pressed.connect(lambda answer, place: show_alternatives(view, talk, answer, place, QCursor.pos()))
    fonts = MissingFonts(view.font, view)
    fonts.missed.connect(tell)

    def look(messages: Iterable[Message]) -> None:
        for message in messages:
            if not message.content.isascii():
                fonts.look(message.content)

    talk.opened.connect(lambda _chat, branch, _target: look(branch))
    talk.branch_changed.connect(look)
    talk.message_added.connect(lambda message: look([message]))
    talk.text_added.connect(lambda event: fonts.look(event.text))
    look(talk.branch)
    return view


def show_alternatives(view: TranscriptView, talk: Conversation, answer: int, place: int, at: QPoint) -> None:
    """Show what could stand at a place of an answer, below a point of the screen; nothing where that was not kept."""
    placed = talk.alternatives(answer)
    if placed is not None and placed.tokens:
        from desktop.ui.chat.alternatives_popup import AlternativesPopup

        AlternativesPopup(placed, placed.at(place), view).open_at(at)
