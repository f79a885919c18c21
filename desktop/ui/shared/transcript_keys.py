"""The keyboard in the transcript of a chat; beside its package, which a start does not wait for."""

from __future__ import annotations

from typing import Literal

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Condition, WidgetKeys

SOMETHING_SELECTED = Condition("text-selected", tr("Select some text of the conversation first."))

COPY = Action(
    "transcript.copy",
    tr("Copy the selected text"),
    ("Ctrl+C", "Ctrl+Ins"),
    icon="copy",
    needs=(SOMETHING_SELECTED,),
    widget="transcript",
    short=tr("Copy"),
)
COPY_MARKDOWN = Action(
    "transcript.copy-markdown",
    tr("Copy the selection as Markdown"),
    needs=(SOMETHING_SELECTED,),
    short=tr("Copy as Markdown"),
)
SELECT_ALL = Action(
    "transcript.select-all",
    tr("Select the whole conversation"),
    ("Ctrl+A",),
    widget="transcript",
    short=tr("Select all"),
)

Answer = Literal["press", "first", "newest", "unselect", "left", "right"]
TRANSCRIPT_KEYS = WidgetKeys(
    tr("First and newest message, press what is focused, move a wide table that is, select nothing"),
    "transcript",
    (
        ("Home", "first"),
        ("End", "newest"),
        ("Enter", "press"),
        ("Return", "press"),
        ("Space", "press"),
        ("Left", "left"),
        ("Right", "right"),
        ("Esc", "unselect"),
    ),
)
