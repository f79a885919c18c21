"""What a screen reader is told of a conversation: messages as objects, their rows, and live answers by sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleInterface
from pytestqt.qtbot import QtBot
from support.widgets import shown

from desktop.ui.shared.transcript import Addition, TranscriptMessage, TranscriptView, announcements
from desktop.ui.shell.theme import Theme

NAME, DESCRIPTION = QAccessible.Text.Name, QAccessible.Text.Description
ANSWER = "## Tides\n\nThe *Moon* pulls.\n\n- a bulge\n\n```python\nprint(1)\n```\n"


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> TranscriptView:
    return shown(qtbot, TranscriptView(theme), 600, 400)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is announced while an assistive program listens."""
    told: list[str] = []

    class Kept(QAccessibleAnnouncementEvent):
        def __init__(self, pane: TranscriptView, words: str) -> None:
            super().__init__(pane, words)
            told.append(words)

    monkeypatch.setattr(announcements, "QAccessibleAnnouncementEvent", Kept)
    QAccessible.setActive(True)
    yield told
    QAccessible.setActive(False)


def conversation(view: TranscriptView) -> QAccessibleInterface:
    return QAccessible.queryAccessibleInterface(view)


def test_each_message_has_its_sender_and_its_rows_in_the_order_of_reading(view: TranscriptView) -> None:
    view.set_messages(
        [
            TranscriptMessage(1, "user", "Why tides?"),
            TranscriptMessage(2, "assistant", ANSWER, model="Qwen3", note="Cut."),
        ]
    )
    listed = conversation(view)
    assert listed.role() == QAccessible.Role.List and listed.text(NAME) == "Conversation"
    assert listed.childCount() == 2 and listed.child(2) is None
    asked, answered = listed.child(0), listed.child(1)
    assert (asked.text(NAME), asked.text(DESCRIPTION)) == ("You", "Why tides?")
    assert answered.text(NAME) == "Qwen3" and answered.parent() is listed and listed.indexOfChild(answered) == 1
    rows = [answered.child(index) for index in range(answered.childCount())]
    said = [row.text(NAME) for row in rows]
    assert said[:2] == ["Tides", "The Moon pulls."] and said[2].endswith(" a bulge")
    assert said[3].strip() == "Code: print(1)" and said[4] == "Cut."
    assert answered.text(DESCRIPTION) == "\n".join(said)
    tops = [row.rect().top() for row in rows]
    assert tops == sorted(set(tops)) and all(answered.rect().contains(row.rect()) for row in rows)
    assert answered.state().readOnly and not answered.state().offscreen
    middle: QPoint = asked.rect().center()
    assert listed.childAt(middle.x(), middle.y()) is asked


def test_what_is_shown_anew_is_what_is_told(view: TranscriptView) -> None:
    message = TranscriptMessage(1, "assistant", "One.", model="A", reasoning="Hidden thought.")
    view.set_messages([message])
    found = conversation(view).child(0)
    assert "Hidden thought." not in found.text(DESCRIPTION)
    view.show_reasoning(1)
    assert "Hidden thought." in found.text(DESCRIPTION)
    view.replace_message(replace(message, content="Two."))
    assert found.text(DESCRIPTION).endswith("Two.")
    view.set_messages([TranscriptMessage(5, "user", "Another chat")])
    assert not found.isValid() and found.text(NAME) == "" and found.childCount() == 0
    assert conversation(view).child(0).text(DESCRIPTION) == "Another chat"


def test_messages_out_of_sight_are_told_too(view: TranscriptView) -> None:
    view.set_messages([TranscriptMessage(index, "user", f"Question {index}\n" * 20) for index in range(1, 40)])
    first = conversation(view).child(0)
    assert first.text(DESCRIPTION).startswith("Question 1\n") and first.state().offscreen
    assert view.following, "asking for it scrolls nothing"


def test_a_live_answer_is_announced_by_whole_sentences(view: TranscriptView, heard: list[str]) -> None:
    answer = TranscriptMessage(2, "assistant", "", "streaming", model="M")
    view.set_messages([TranscriptMessage(1, "user", "Go on."), answer])
    for piece in ("The cap", "ital is Paris. It lies", " on the Seine.\n\nNext par", "agraph"):
        view.append(2, Addition(piece))
        view.flush()
    assert heard == ["The capital is Paris.", "It lies on the Seine."]
    text = "The capital is Paris. It lies on the Seine.\n\nNext paragraph"
    view.replace_message(replace(answer, content=text, state="stopped", note="You stopped it."))
    assert heard[2:] == ["Next paragraph\nYou stopped it."]
    view.replace_message(replace(answer, content=text, state="stopped"))
    assert len(heard) == 3, "said once"


def test_nothing_is_announced_where_nobody_listens(view: TranscriptView, heard: list[str]) -> None:
    QAccessible.setActive(False)
    view.set_messages([TranscriptMessage(2, "assistant", "", "streaming")])
    view.append(2, Addition("One. Two. "))
    view.flush()
    assert heard == []
