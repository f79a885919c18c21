"""The chat page on the real engine and the starter model: a question typed gives a streamed answer."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QSpinBox
from pytestqt.qtbot import QtBot

from desktop.services.container import Container
from desktop.store.paths import Paths
from desktop.ui.chat.page import ChatPage
from desktop.ui.shell.engine_bridge import Bridge, merge_chat_events, merge_states
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

SECONDS_30 = 30_000


@pytest.mark.engine
def test_a_typed_question_is_answered_by_the_starter_model(
    qtbot: QtBot, paths: Paths, tasks: Tasks, theme: Theme, starter_model: Path
) -> None:
    made = Container(paths)
    store, service, engine = made.chats, made.chat, made.engine
    bridges = Bridge(engine.subscribe, merge_states), Bridge(service.subscribe, merge_chat_events)
    page = ChatPage(
        store, service, engine, lambda: made.library, lambda: made.planning, made.sampling.defaults,
        lambda: made.answers, lambda: made.endpoints, made.settings, *bridges, tasks, theme,
        attachments=lambda: made.attachments,
    )  # fmt: skip
    told: list[object] = []
    page.notify.connect(told.append)
    qtbot.addWidget(page)
    with qtbot.waitExposed(page):
        page.show()
    try:
        page.findChild(QLineEdit, "seed").setText("7")
        page.findChild(QSpinBox, "maxTokens").setValue(24)
        editor = page.findChild(QPlainTextEdit, "composerText")
        lengths: list[int] = []
        page._talk.text_added.connect(lambda event: lengths.append(len(event.text)))

        def ask(text: str) -> str:
            turns = len(page._talk.branch)
            qtbot.keyClicks(editor, text)
            qtbot.keyClick(editor, Qt.Key.Key_Return)
            qtbot.waitUntil(lambda: len(page._talk.branch) == turns + 2 and not page._talk.busy, timeout=SECONDS_30)
            return page._transcript.text_of(page._talk.branch[-1].id)

        first = ask("What is the Moon?")
        assert len(first) > 20 and len(lengths) > 1  # in pieces, large ones where it is quick
        last = page._talk.branch[-1]
        assert last.state in ("length", "complete") and last.content == first
        assert last.statistics["generated_tokens"] <= 24
        assert engine.state.model_path == str(starter_model)
        assert page.findChild(QLabel, "generationValue").text().endswith(" tok/s")
        assert page.findChild(QLabel, "contextValue").text().endswith(" / 4,096")
        assert page.findChild(QLabel, "memoryValue").text().endswith(" MB")

        assert engine.state.pid is not None
        psutil.Process(engine.state.pid).kill()
        qtbot.waitUntil(lambda: page._strip.notice is not None, timeout=SECONDS_30)
        assert page._transcript.text_of(last.id) == first

        assert ask("And the Sun?")
        assert page._strip.notice is None and told == []
        assert [message.role for message in store.messages(store.chats()[0].id)] == ["user", "assistant"] * 2
    finally:
        for bridge in bridges:
            bridge.close()
        made.end_engine()
        tasks.shutdown()
        made.close()
