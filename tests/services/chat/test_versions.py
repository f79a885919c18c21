"""Another version of a turn that comes to nothing, without an engine and without a window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from desktop.core.errors import EngineError
from desktop.services.chat.versions import Version, VersionGivenUp
from desktop.store.chats import ChatStore, MessageState
from desktop.store.paths import Paths

ERROR = EngineError("It crashed.", "Try again.")


@pytest.fixture
def store(paths: Paths) -> Iterator[ChatStore]:
    paths.data.mkdir(parents=True, exist_ok=True)
    made = ChatStore(paths.chats)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("text", "state", "back", "kept"),
    [
        ("", "failed", True, False),
        (" \n", "stopped", True, False),
        ("", "context-full", True, False),
        ("Bl", "failed", True, True),
        ("Bl", "stopped", False, True),
        ("Blue", "complete", False, True),
        ("", "complete", False, True),
    ],
)
def test_what_becomes_of_an_edited_question_and_its_answer(
    store: ChatStore, text: str, state: MessageState, back: bool, kept: bool
) -> None:
    chat = store.create().id
    question = store.add(chat, None, "user", "Name a colour")
    answer = store.add(chat, question.id, "assistant", "Red")
    edited = store.add(chat, None, "user", "Name a metal")
    added = store.add(chat, edited.id, "assistant", "", state="streaming")
    store.append_text(added.id, text)
    ended = store.finish(added.id, state)
    error = ERROR if state == "failed" else None
    version = Version(answer.id, edited.id, (question.id, "Name a metal", ()))
    given_up = version.settle(store, ended, error)
    expected = VersionGivenUp(chat, None if kept else (question.id, "Name a metal", ()), error)
    assert given_up == (expected if back else None)
    assert store.messages(chat)[0].content == ("Name a colour" if back else "Name a metal")
    assert store.siblings(question.id) == ([question.id, edited.id] if kept else [question.id])
    assert [hit.message_id for hit in store.search("metal")] == ([edited.id] if kept else [])
