"""The one room for strangers' text: model answers, file and tensor names, metadata, the Hub's pages, error messages.

Whatever shows or keeps such a text takes it through one of these, each of which has one meaning:

    visible_in_place   labels, buttons, cells, titles of windows: every character visible, positions stay true
    bounded            a whole text in a field (metadata values, chat templates): visible, and short enough for Qt
    plain_tooltip      tooltips: visible, and never taken for HTML
    chat_text          an answer in the chat, on the clipboard, on a terminal: as Markdown source, overrides named
    ChatTextStream     the same, for an answer that arrives in pieces
    one_line           a name or a value within a sentence, a finding, a fact or a table's cell: one line, cut
    elided             a long name where there is room for a short one: cut in its middle
    token_piece        tokens in Inspect: white space and lone bytes as signs
    file_name          a title as the name of a file the user saves
    encodable          what is written to files, databases and logs: only what no encoder takes is replaced
    is_right_to_left   which way a paragraph is read
    scripts_of         the scripts it is written in, for which a font may be missing
    invisible_names    findings about characters a person does not see (``desktop.core.text.invisible``)

No function raises for any ``str``; each but ``file_name`` and ``one_line`` gives back the same text when nothing in it
is to be replaced.
"""

from __future__ import annotations

from desktop.core.text.answers import ChatTextStream, chat_text
from desktop.core.text.direction import is_right_to_left
from desktop.core.text.fields import ALL_CHARACTERS, LINE_CHARACTERS, WORD_CHARACTERS, bounded, plain_tooltip
from desktop.core.text.lines import ELISION, LINE, elided, file_name, one_line
from desktop.core.text.scripts import scripts_of
from desktop.core.text.tokens import token_piece
from desktop.core.text.visible import encodable, visible_in_place

__all__ = [
    "ALL_CHARACTERS",
    "ELISION",
    "LINE",
    "LINE_CHARACTERS",
    "WORD_CHARACTERS",
    "ChatTextStream",
    "bounded",
    "chat_text",
    "elided",
    "encodable",
    "file_name",
    "is_right_to_left",
    "one_line",
    "plain_tooltip",
    "scripts_of",
    "token_piece",
    "visible_in_place",
]
