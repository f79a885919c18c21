"""The bridge keeps the order, joins what can be joined, and delivers on the GUI thread only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from support.plans import plain_plan

from desktop.services.chat.events import MessageFinished, PromptRead, TextAdded
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Message
from desktop.ui.shell.engine_bridge import Bridge, merge_chat_events, merge_states
from desktop.ui.shell.tasks import Lane, Tasks


class Source:
    """A service that tells its listeners on whatever thread calls it."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Any], None]] = []

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, event: object) -> None:
        for listener in list(self.listeners):
            listener(event)


@pytest.fixture
def source() -> Source:
    return Source()


def text(message_id: int, words: str, generated: int = 1) -> TextAdded:
    return TextAdded(1, message_id, words, generated, 10 + generated, 50.0)


def finished(message_id: int) -> MessageFinished:
    message = Message(
        id=message_id, chat_id=1, parent_id=None, role="assistant", content="", state="complete", model="m",
        created=0.0, statistics={}, note="", sibling_index=0, sibling_count=1,
    )  # fmt: skip
    return MessageFinished(message)


def test_text_told_on_another_thread_arrives_whole_in_order_on_the_gui_thread(qtbot: QtBot, source: Source) -> None:
    bridge = Bridge(source.subscribe, merge_chat_events)
    seen: list[object] = []
    threads: set[threading.Thread] = set()

    def see(event: object) -> None:
        seen.append(event)
        threads.add(threading.current_thread())

    bridge.received.connect(see)

    def tell() -> None:
        source.tell(PromptRead(1, 7, 1, 2, 0))
        source.tell(PromptRead(1, 7, 2, 2, 0))
        for number in range(5_000):
            source.tell(text(7, f"{number} ", number))
        source.tell(finished(7))

    thread = threading.Thread(target=tell)
    thread.start()
    qtbot.waitUntil(lambda: bool(seen) and isinstance(seen[-1], MessageFinished))
    thread.join()
    bridge.close()
    texts = [event for event in seen if isinstance(event, TextAdded)]
    assert "".join(event.text for event in texts) == "".join(f"{number} " for number in range(5_000))
    assert texts[-1].generated_tokens == 4_999
    assert len(seen) < 500
    assert [event.done for event in seen if isinstance(event, PromptRead)][-1] == 2
    assert threads == {threading.main_thread()}
    assert source.listeners == []


def test_texts_of_two_messages_are_not_mixed() -> None:
    assert merge_chat_events(text(1, "a"), text(2, "b")) is None
    assert merge_chat_events(text(1, "a"), finished(1)) is None
    assert merge_chat_events(text(1, "a", 1), text(1, "b", 2)) == text(1, "ab", 2)


def test_each_change_of_phase_is_told_and_only_the_newest_of_one(qtbot: QtBot, source: Source) -> None:
    bridge = Bridge(source.subscribe, merge_states)
    seen: list[EngineState] = []
    bridge.received.connect(seen.append)
    loading = EngineState("loading", plain_plan("/m.gguf", name="m"), pid=5)
    for percent in range(100):
        source.tell(replace(loading, progress=percent / 100))
    source.tell(replace(loading, phase="ready", progress=1.0))
    source.tell(EngineState("stopped"))
    qtbot.waitUntil(lambda: bool(seen) and seen[-1].phase == "stopped")
    bridge.close()
    assert [state.phase for state in seen] == ["loading", "ready", "stopped"]
    assert seen[0].progress == 0.99


def test_nothing_is_emitted_after_close(qtbot: QtBot, source: Source, tasks: Tasks) -> None:
    bridge = Bridge(source.subscribe, merge_chat_events)
    seen: list[object] = []
    bridge.received.connect(seen.append)
    listener = source.listeners[0]
    source.tell(text(1, "a"))
    bridge.close()
    listener(text(1, "b"))
    fence: list[int] = []
    tasks.run(lambda context: 1, done=fence.append, lane=Lane.JOB)
    qtbot.waitUntil(lambda: bool(fence))
    assert seen == []
