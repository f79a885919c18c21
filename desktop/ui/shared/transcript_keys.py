"""The keyboard in the transcript of a chat; beside its package, which a start does not wait for."""

from __future__ import annotations

from typing import Literal

from desktop.ui.shell.action import Action, Condition, WidgetKeys

SOMETHING_SELECTED = Condition("text-selected", "Select some text of the conversation first.")

COPY = Action(
    "transcript.copy",
    "Copy the selected text",
    ("Ctrl+C", "Ctrl+Ins"),
    icon="copy",
    needs=(SOMETHING_SELECTED,),
    widget="transcript",
    short="Copy",
)
COPY_MARKDOWN = Action(
    "transcript.copy-markdown", "Copy the selection as Markdown", needs=(SOMETHING_SELECTED,), short="Copy as Markdown"
)
SELECT_ALL = Action(
    "transcript.select-all", "Select the whole conversation", ("Ctrl+A",), widget="transcript", short="Select all"
)

Answer = Literal["press", "first", "newest", "unselect", "left", "right"]
TRANSCRIPT_KEYS = WidgetKeys(
    "First and newest message, press what is focused, move a wide table that is, select nothing",
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
