"""A conversation that its context does not hold: its figures, and each choice that is possible, by what is seen."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot
from support.chat_page import Desk
from support.planned import Capacity
from support.widgets import find

from desktop.core.cancelled import CancelledError
from desktop.core.errors import EngineError
from desktop.engine.api import ChatMessage
from desktop.services.chat import summary
from desktop.services.chat.requests import Requests
from desktop.store.chats import Chat, ModelView
from desktop.ui.shared.transcript.foot_rows import UnseenRow

WORDS = "wave " * 100


def _offered(desk: Desk) -> dict[str, str]:
    """Buttons of the strip by what they do, in their order."""
    strip = desk.page._strip
    if not strip.isVisible():
        return {}
    layout = strip._buttons
    buttons = [item.widget() for n in range(layout.count()) if (item := layout.itemAt(n)) is not None]
    return {b.objectName().removeprefix("notice-"): b.text() for b in buttons if isinstance(b, QPushButton)}


def _marks(desk: Desk) -> list[str]:
    """Messages below which the transcript says that the model does not see them."""
    items = desk.page._transcript.column.items
    return [item.content for item in items if any(isinstance(row, UnseenRow) for row in item.build())]


def _outgrown(desk: Desk, qtbot: QtBot, *, most: int = 1_000_000, needed: int = 5000) -> None:
    """Three turns, and a question that is too long with them."""
    planning = Capacity(most)
    desk.planning.for_load = planning.for_load  # type: ignore[method-assign]
    for number in range(3):
        desk.answer(f"Question {number} {WORDS}".strip(), f"Answer {number} {WORDS}")
    desk.ask("And now?")
    desk.engine.refuse(needed, 2048)
    qtbot.waitUntil(lambda: "new-chat" in _offered(desk) and not desk.page._talk.busy)
    qtbot.waitUntil(lambda: desk.page._full._found is not None)


def _contents(messages: tuple[ChatMessage, ...]) -> list[str]:
    return [" ".join(message.content.split()[:2]) for message in messages]


def test_the_need_is_shown_and_a_longer_context_that_fits_answers(desk: Desk, qtbot: QtBot) -> None:
    _outgrown(desk, qtbot)
    assert desk.label("noticeText") == "This conversation needs 5,000 tokens; the context holds 2,048."
    assert desk.label("contextWords").startswith("Context full: 5,000 / 2,048")
    assert desk.label("contextValue") == "full: 5,000 / 2,048"
    assert _offered(desk) == {
        "load-larger": "Load with 8,192: 819.2 MB, fits",
        "drop-oldest": "Drop the oldest turns",
        "summarise": "Summarise the oldest turns",
        "new-chat": "Start a new chat",
    }
    assert desk.label("noticeHint") == "Dropped or summarised turns are not deleted."
    desk.click("notice-load-larger")
    qtbot.waitUntil(lambda: desk.engine.state.phase == "loading" and desk.service.busy)
    assert desk.engine.last_plan is not None and desk.engine.last_plan.context == 8192
    desk.engine.finish_load()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 5)
    desk.engine.say("Now")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Now"))
    assert len(desk.branch) == 8 and _offered(desk) == {} and _marks(desk) == []


def test_a_context_that_does_not_fit_is_not_offered_and_the_longest_is_said(desk: Desk, qtbot: QtBot) -> None:
    _outgrown(desk, qtbot, most=4096)
    assert list(_offered(desk)) == ["drop-oldest", "summarise", "new-chat"]
    said = "No context that holds it fits into memory; the longest that does is 4,096 tokens."
    kept = "Dropped or summarised turns are not deleted."
    assert desk.label("noticeHint") == f"{said} {kept}"


def test_beyond_the_training_it_is_the_last_choice_with_its_warning(desk: Desk, qtbot: QtBot) -> None:
    _outgrown(desk, qtbot, needed=142_903)
    assert list(_offered(desk)) == ["drop-oldest", "summarise", "load-larger", "new-chat"]
    assert _offered(desk)["load-larger"] == "Load with 196,608: 19.7 GB, fits"
    assert "trained for 8,192; beyond that its answers lose their sense." in desk.label("noticeHint")


def test_one_question_alone_offers_nothing_to_drop(desk: Desk, qtbot: QtBot) -> None:
    desk.planning.for_load = Capacity(1_000_000).for_load  # type: ignore[method-assign]
    desk.ask(WORDS.strip())
    desk.engine.refuse(5000, 2048)
    qtbot.waitUntil(lambda: list(_offered(desk)) == ["load-larger", "new-chat"])
    assert desk.label("noticeHint") == ""


def test_dropped_turns_are_marked_roll_on_and_come_back(desk: Desk, qtbot: QtBot) -> None:
    _outgrown(desk, qtbot)
    desk.engine.count = lambda asked: 16 * sum(len(m.content.split()) for m in asked.messages)  # type: ignore[method-assign]
    desk.click("notice-drop-oldest")
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 5)
    assert _contents(desk.engine.requests[-1].messages) == ["And now?"]
    desk.engine.say("Now")
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Now") and not desk.page._talk.busy)
    assert _marks(desk) == [f"Answer 2 {WORDS}"]
    said = "The model does not see the first 6 messages. The oldest turns are dropped as the chat outgrows its context."
    assert desk.label("viewWords") == said and find(desk.page, QPushButton, "viewShowAll").isVisible()
    assert _offered(desk) == {}

    desk.answer(f"More {WORDS}".strip(), "Indeed")
    assert _contents(desk.engine.requests[-1].messages)[0] == "More wave"
    assert _marks(desk) == ["Now"]
    desk.click("viewShowAll")
    qtbot.waitUntil(lambda: not desk.page._seen.bar.isVisible())
    assert _marks(desk) == []
    desk.answer("All?", "All")
    assert len(desk.engine.requests[-1].messages) == 11


def test_what_the_model_sees_is_kept_with_the_chat(desk: Desk, qtbot: QtBot) -> None:
    desk.answer("One", "Two")
    desk.answer("Three", "Four")
    chat = desk.page._talk.chat
    assert chat is not None
    second = desk.page._talk.branch[1]
    desk.store.update(chat.id, model_view=ModelView(second.id, "In short.", second.id))
    desk.page.new_chat()
    qtbot.waitUntil(lambda: desk.branch == [])
    assert not desk.page._seen.bar.isVisible()
    desk.page.open_chat(chat.id)
    qtbot.waitUntil(lambda: _marks(desk) == ["Two"])
    assert desk.label("viewWords") == "The model sees a summary in place of the first 2 messages."
    fold, text = find(desk.page, QPushButton, "viewSummaryFold"), find(desk.page, QPlainTextEdit, "viewSummary")
    assert fold.isVisible() and not text.isVisible()
    fold.click()
    assert text.isVisible() and text.toPlainText() == "In short." and fold.text() == "Hide summary"
    qtbot.keyClicks(text, "Well: ")
    qtbot.waitUntil(lambda: desk.store.chat(chat.id).model_view.summary == "Well: In short.")
    desk.answer("Five", "Six")
    system, *rest = desk.engine.requests[-1].messages
    assert (system.role, system.content) == ("system", "Summary of the conversation so far:\nWell: In short.")
    assert [message.content for message in rest] == ["Three", "Four", "Five"]


@pytest.fixture
def held_summary(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Summaries that wait until they may go on, or are given up."""
    gate = threading.Event()

    class Held:
        def __init__(self, requests: Requests) -> None:
            self._requests, self._stopped = requests, False

        def cancel(self) -> None:
            self._stopped = True
            gate.set()

        def write(self, chat: Chat, message_id: int, told: Callable[[float], None]) -> ModelView:
            told(0.4)
            gate.wait(20)
            if self._stopped:
                raise CancelledError("The summary was stopped.", "The conversation is as it was.")
            branch = self._requests.store.messages(chat.id)
            return ModelView(branch[3].id, "Of waves.", branch[3].id)

    monkeypatch.setattr("desktop.services.chat.views.Summary", Held)
    return gate.set


def test_a_summary_tells_of_its_progress_and_the_answer_follows(
    desk: Desk, qtbot: QtBot, held_summary: Callable[[], None]
) -> None:
    _outgrown(desk, qtbot)
    desk.click("notice-summarise")
    qtbot.waitUntil(lambda: list(_offered(desk)) == ["stop-summary"])
    assert desk.label("noticeText") == "The model is summarising the earlier turns: 40%."
    assert find(desk.page, QPushButton, "composerSend").text() == "Stop"
    held_summary()
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 5)
    asked = desk.engine.requests[-1].messages
    assert asked[0].content.endswith("Of waves.") and _contents(asked[1:]) == ["Question 2", "Answer 2", "And now?"]
    desk.engine.say("Now")
    qtbot.waitUntil(lambda: _offered(desk) == {})
    desk.engine.finish()
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Now"))
    assert _marks(desk) == [f"Answer 1 {WORDS}"]


def test_tools_taken_out_while_a_summary_is_written_stay_out(
    desk: Desk, qtbot: QtBot, held_summary: Callable[[], None]
) -> None:
    _outgrown(desk, qtbot)
    desk.click("notice-summarise")
    qtbot.waitUntil(lambda: list(_offered(desk)) == ["stop-summary"])
    chat = desk.store.chats()[0]
    desk.service.views.use_tools(chat.id, (("files", ""),))
    held_summary()
    qtbot.waitUntil(lambda: desk.store.chat(chat.id).model_view.summary == "Of waves.")
    assert desk.store.chat(chat.id).model_view.tools_out == (("files", ""),)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 5)
    desk.engine.finish()


def test_a_summary_can_be_cancelled_and_nothing_is_lost(
    desk: Desk, qtbot: QtBot, held_summary: Callable[[], None]
) -> None:
    _outgrown(desk, qtbot)
    before = desk.branch
    desk.click("notice-summarise")
    desk.click("notice-stop-summary")
    qtbot.waitUntil(lambda: "summarise" in _offered(desk) and not desk.page._talk.busy)
    assert desk.branch == before and _marks(desk) == [] and not desk.page._seen.bar.isVisible()
    assert len(desk.engine.requests) == 4


def test_a_summary_that_fails_says_why_and_the_choices_stay(
    desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = EngineError("The model wrote no summary.", "Try again.")

    def fails(*_arguments: object) -> ModelView:
        raise error

    monkeypatch.setattr(summary.Summary, "write", fails)
    _outgrown(desk, qtbot)
    desk.click("notice-summarise")
    qtbot.waitUntil(lambda: desk.told == [error])
    qtbot.waitUntil(lambda: "summarise" in _offered(desk))
    assert desk.page._talk.branch[-1].state == "context-full"


def test_another_version_that_does_not_fit_keeps_the_good_answer_and_says_what_it_needs(
    desk: Desk, qtbot: QtBot
) -> None:
    desk.planning.for_load = Capacity(1_000_000).for_load  # type: ignore[method-assign]
    desk.answer("One", "Two")
    desk.answer("Three", "Four")
    desk.page._talk.regenerate(desk.page._talk.branch[-1].id)
    qtbot.waitUntil(lambda: len(desk.engine.requests) == 3)
    desk.engine.refuse(5000, 2048)
    qtbot.waitUntil(lambda: desk.branch[-1] == ("assistant", "Four"))
    qtbot.waitUntil(lambda: "load-larger" in _offered(desk))
    assert desk.label("noticeText") == "This conversation needs 5,000 tokens; the context holds 2,048."
    desk.click("notice-drop-oldest")
    words = "The oldest turns are dropped as the chat outgrows its context."
    qtbot.waitUntil(lambda: desk.page._seen.bar.isVisible() and desk.label("viewWords") == words)


def test_a_base_model_is_not_asked_for_a_summary(desk: Desk, qtbot: QtBot) -> None:
    desk.engine.load(Capacity(1_000_000).for_load(desk.library.resolve("starter").ref))
    desk.engine.finish_load(template="none")
    desk.answer("Once", "upon")
    desk.answer("a time", "there", "context-full", used=2048)
    qtbot.waitUntil(lambda: "drop-oldest" in _offered(desk))
    assert "summarise" not in _offered(desk)
