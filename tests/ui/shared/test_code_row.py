"""A code block that was streamed looks like one that was there from the start."""

from __future__ import annotations

import time

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.transcript import TranscriptMessage, TranscriptView
from desktop.ui.shell.theme import Theme

CODE = """```python
# the sum of a list
def total(numbers):
    return sum(numbers)

class Wide: text = "a line that is longer than the box is wide, so that it has to be wrapped once or more"
```"""


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> TranscriptView:
    return shown(qtbot, TranscriptView(theme), 520, 400)


def picture(view: TranscriptView) -> QImage:
    return view.viewport().grab().toImage()


@pytest.mark.parametrize("hurried", [True, False], ids=["coloured at the end", "coloured on the way"])
def test_streamed_and_stored_code_look_the_same(
    view: TranscriptView, monkeypatch: pytest.MonkeyPatch, hurried: bool
) -> None:
    clock = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    view.set_messages([TranscriptMessage(1, "assistant", "", state="streaming")])
    for character in CODE:
        view.append_text(1, character)
        view.flush()
        clock[0] += 0.0 if hurried else 1.0
    view.replace_message(TranscriptMessage(1, "assistant", CODE))
    streamed = picture(view)
    view.set_messages([TranscriptMessage(1, "assistant", CODE)])
    assert streamed == picture(view)
