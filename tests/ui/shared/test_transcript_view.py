"""The transcript as it is seen: what it paints, how it scrolls, and that streaming paints only what changed."""

from __future__ import annotations

import random
import time

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPaintEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot
from support.calls import calls_of
from support.widgets import shown

from desktop.ui.shared.transcript import Addition, TranscriptMessage, TranscriptView
from desktop.ui.shared.transcript.message import State
from desktop.ui.shell.theme import Theme

THOUGHT = "The user wants *tides*.\n\n```\nG M / r\n```\n"
ANSWER = """The Moon pulls on the near side more strongly than on the centre, and on the centre more strongly than \
on the far side. So the ocean stretches **both ways**, and a [link](https://example.org) is here:

1. a bulge facing the Moon;
2. a bulge on the opposite side.
   - nested with `code`
   - [x] a task

```python
# tidal acceleration at the near side
def tide(G, M, r, R): return 2 * G * M * R / r**3
```

| body | mass |
|---|---:|
| Moon | 7.3e22 |
| Sun | 2.0e30 |

> Tides wait for no one.

---

### Next

"""


class Watched(TranscriptView):
    """Keeps the rectangles that were painted."""

    def paintEvent(self, event: QPaintEvent) -> None:
        self.__dict__.setdefault("painted", []).append(event.rect())
        super().paintEvent(event)

    def take_painted(self) -> list[QRect]:
        found: list[QRect] = self.__dict__.pop("painted", [])
        return found


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> Watched:
    return shown(qtbot, Watched(theme), 705, 500)


def chat(count: int) -> list[TranscriptMessage]:
    return [
        TranscriptMessage(n, "assistant", ANSWER, reasoning=THOUGHT)
        if n % 2
        else TranscriptMessage(n, "user", f"Question {n}?")
        for n in range(count)
    ]


def on_screen(view: TranscriptView) -> QImage:
    """What has been painted so far, not a new painting."""
    return view.screen().grabWindow(view.winId()).toImage()


def streaming(view: TranscriptView) -> None:
    view.set_messages([TranscriptMessage(0, "user", "Why?"), TranscriptMessage(1, "assistant", "", state="streaming")])
    QApplication.processEvents()


def stream(view: TranscriptView, text: str, reasoning: str = "", seconds: float = 0.0, *, turned: bool = False) -> None:
    view.append(1, Addition(text, reasoning, turned, seconds))
    view.flush()
    QApplication.processEvents()


@pytest.mark.parametrize("unfolded", [True, False])
@pytest.mark.parametrize("follow", [True, False])
def test_painting_in_pieces_gives_the_same_picture_as_painting_everything(
    view: Watched, follow: bool, unfolded: bool
) -> None:
    streaming(view)
    text = ANSWER * 3
    chance = random.Random(5)
    if unfolded:
        view.show_reasoning(1, shown=True)
    for position in range(0, len(THOUGHT), 7):
        stream(view, "", THOUGHT[position : position + 7], position / 10)
        before = on_screen(view)
        view.viewport().repaint()
        assert on_screen(view) == before, f"after {position}"
    position = 0
    while position < len(text):
        size = chance.randint(1, 30)
        stream(view, text[position : position + size])
        position += size
        if not follow and view.verticalScrollBar().maximum() > 60:
            view.verticalScrollBar().setValue(30)
            QApplication.processEvents()
        before = on_screen(view)
        view.viewport().repaint()
        assert on_screen(view) == before, f"after {text[:position][-40:]!r}"
    assert view.following is follow


def test_a_streamed_word_repaints_a_few_lines_only(view: Watched) -> None:
    streaming(view)
    stream(view, ANSWER * 4 + "and so the water")
    view.take_painted()
    for word in (" rises", " and", " falls"):
        stream(view, word)
    painted = view.take_painted()
    assert len(painted) == 3
    assert max(rect.height() for rect in painted) < 5 * view.shape.line
    assert view.following


def test_text_comes_in_batches(qtbot: QtBot, view: Watched) -> None:
    streaming(view)
    view.take_painted()
    for _ in range(50):
        view.append_text(1, "word ")
    assert view.take_painted() == []
    qtbot.waitUntil(lambda: view.column.items[1].rows is not None and "word" in view.column.items[1].rows[0].text)
    assert len(view.take_painted()) <= 2


def test_opening_five_thousand_messages_lays_out_the_newest_and_ends_there(view: Watched) -> None:
    messages = chat(5000)

    def opened() -> None:
        view.set_messages(messages)
        QApplication.processEvents()

    assert calls_of(opened) < 20 * len(messages)
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 100_000
    assert sum(item.rows is not None for item in view.column.items) < 20


def test_what_is_in_view_stays_while_heights_above_are_corrected(view: Watched) -> None:
    view.set_messages(chat(400))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    for _ in range(60):
        index = view.column.at(view.offset + 250)
        before = view.item_rect(index).top()
        value = bar.value()
        bar.setValue(value - 37)
        moved = view.item_rect(index).top() - before
        assert moved == pytest.approx(37, abs=1.5)


def test_scrolling_up_stops_following_until_asked(qtbot: QtBot, view: Watched) -> None:
    streaming(view)
    stream(view, ANSWER * 3)
    newest = view.findChild(QPushButton, "jumpToNewest")
    assert isinstance(newest, QPushButton)
    assert not newest.isVisible()
    view.verticalScrollBar().setValue(10)
    stream(view, "more and more\n\n" * 20)
    assert view.verticalScrollBar().value() == 10
    assert newest.isVisible()
    newest.click()
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
    stream(view, "more and more\n\n" * 20)
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
    assert not newest.isVisible()


def test_a_narrower_window_keeps_the_place(view: Watched) -> None:
    view.set_messages(chat(200))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() // 3)
    index = view.column.at(view.offset)
    view.resize(480, 500)
    QApplication.processEvents()
    assert abs(view.column.at(view.offset) - index) <= 1


def test_the_finished_message_replaces_the_streamed_one(view: Watched) -> None:
    streaming(view)
    stream(view, ANSWER + "the end")
    streamed = [row.text for row in view.column.items[1].rows or ()]
    view.replace_message(
        TranscriptMessage(1, "assistant", ANSWER + "the end", statistics_line="61.4 tok/s", sibling_count=2)
    )
    rows = view.column.items[1].rows or []
    assert [row.text for row in rows] == streamed
    assert view.column.items[1].caret() is None
    assert {hot.kind for hot in rows[-1].hot_spots()} == {"regenerate", "edit", "copy", "next"}


def test_a_theme_switch_repaints_in_the_other_colours(view: Watched, theme: Theme) -> None:
    view.set_messages(chat(6))
    QApplication.processEvents()
    light = on_screen(view).pixelColor(4, 250)
    theme.set_preference("dark")
    QApplication.processEvents()
    assert on_screen(view).pixelColor(4, 250) == theme.color("background") != light


def test_appending_after_a_hundred_thousand_characters_stays_cheap(view: Watched) -> None:
    streaming(view)
    text = ANSWER * (100_000 // len(ANSWER))
    stream(view, text)
    began = time.process_time()
    for _ in range(100):
        stream(view, "and one ")
    assert (time.process_time() - began) / 100 < 0.005


def test_between_question_and_answer_there_is_no_more_than_a_line(view: Watched) -> None:
    view.set_messages([TranscriptMessage(0, "user", "Hello"), TranscriptMessage(1, "assistant", "Good day")])
    QApplication.processEvents()
    question, answer = view.column.items
    assert question.rows is not None and answer.rows is not None
    bubble = view.column.top(0) + question.tops[0] + question.rows[0].height + 8
    assert view.column.top(1) + answer.tops[0] - bubble <= view.shape.line
    foot = question.rows[-1]
    for hot in foot.hot_spots():  # and what can be done with the question has room in it
        assert hot.rect.height() >= view.shape.small_metrics.height() - 2 and hot.rect.bottom() <= foot.height


def test_a_reader_hears_the_last_message(view: Watched) -> None:
    view.set_messages([TranscriptMessage(0, "user", "Hello"), TranscriptMessage(1, "assistant", "Good day", model="M")])
    assert view.accessibleDescription() == "2 messages. Last, M: Good day"


def test_waiting_is_said_and_goes_with_the_first_word(view: Watched) -> None:
    streaming(view)
    view.set_prompt_progress(1, "Reading the prompt, 40 %")
    rows = view.column.items[1].rows or []
    assert [getattr(row, "words", "") for row in rows][:1] == ["Reading the prompt, 40 %"]
    stream(view, "Word")
    assert (view.column.items[1].rows or [])[0].text == "Word"


def label(view: TranscriptView) -> str:
    return str(getattr((view.column.items[1].rows or [])[0], "label", ""))


def test_thinking_is_labelled_while_and_after(view: Watched) -> None:
    streaming(view)
    stream(view, "", "let me see")
    assert label(view) == "Thinking…"
    stream(view, "", " it", 3.9)
    assert label(view) == "Thinking… 3 s"
    stream(view, "Yes", "", 12.4)
    assert label(view) == "Thought for 12 s"


@pytest.mark.parametrize(
    ("seconds", "state", "content", "words"),
    [
        (3.14, "complete", "Yes", "Thought for 3.1 s"),
        (65.4, "complete", "Yes", "Thought for 1 min 5 s"),
        (0.0, "complete", "Yes", "Reasoning"),
        (12.4, "stopped", "Half", "Thought for 12 s"),
        (12.4, "stopped", "", "Thought for 12 s, not finished"),
        (0.0, "interrupted", "", "Reasoning, not finished"),
        (12.4, "complete", "", "Thought for 12 s"),
    ],
)
def test_how_long_the_thinking_took(view: Watched, seconds: float, state: State, content: str, words: str) -> None:
    answer = TranscriptMessage(1, "assistant", content, state, reasoning="Hm", reasoning_seconds=seconds)
    view.set_messages([TranscriptMessage(0, "user", "Why?"), answer])
    assert label(view) == words


def seen(view: TranscriptView) -> list[str]:
    """Texts of the rows of the answer that are not folded away."""
    item = view.column.items[1]
    return [row.text for row in item.rows or () if not item.hidden(row) and row.text]


def test_reasoning_streams_into_its_fold_whether_it_is_open_or_not(view: Watched) -> None:
    streaming(view)
    stream(view, "", "One")
    assert seen(view) == []
    view.show_reasoning(1)
    stream(view, "", " two\n\nthree")
    assert seen(view) == ["One two", "three"]
    stream(view, "Yes", " four")
    assert seen(view) == ["One two", "three four", "Yes"]
    stream(view, ", no\n\nmore")
    assert seen(view) == ["One two", "three four", "Yes, no", "more"]
    view.show_reasoning(1)
    assert seen(view) == ["Yes, no", "more"]
    stream(view, "", " late")  # an engine that thinks again amid its answer
    view.show_reasoning(1)
    assert seen(view) == ["One two", "three four late", "Yes, no", "more"]
    done = TranscriptMessage(1, "assistant", "Yes, no\n\nmore.", reasoning="One two\n\nthree four late")
    view.replace_message(done)
    assert seen(view) == ["One two", "three four late", "Yes, no", "more."]


def test_text_that_turns_out_to_be_reasoning_is_folded(view: Watched) -> None:
    streaming(view)
    stream(view, "so I think\n\nand")
    assert seen(view) == ["so I think", "and"]
    view.append(1, Addition("\n"))
    stream(view, "Yes.", "", 2.0, turned=True)
    assert seen(view) == ["Yes."] and view.text_of(1) == "Yes."
    assert view.reasoning_of(1) == "so I think\n\nand\n"


def test_a_note_is_shown_with_its_words(view: Watched) -> None:
    view.set_messages([TranscriptMessage(1, "assistant", "Half", state="failed", note="The engine ran out of memory.")])
    assert [row.text for row in view.column.items[0].rows or ()] == ["Half", "The engine ran out of memory.", ""]


def test_the_bar_of_a_quote_in_a_list_stands_right_of_its_item(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, TranscriptView(theme), 705, 500)
    view.set_messages([TranscriptMessage(1, "assistant", "- item\n\n  > quoted\n\n> plain\n\n- > first")])
    item = view.column.items[0]
    image, bar = view.viewport().grab().toImage(), theme.color("border").rgb()
    left = round(view.content_x)
    starts = []
    for row, top in zip(item.rows or [], item.tops, strict=True):
        if row.place.bars:
            y = round(view.item_rect(0).top() + top + row.height / 2)
            starts.append(next(x - left for x in range(left, image.width()) if image.pixel(x, y) == bar))
    indent = round(view.shape.indent)
    assert starts == [indent, 0, indent]
