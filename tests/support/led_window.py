"""The real window in a process of its own, led from inside: for what cannot be seen from outside. Used by scripts."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import psutil
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from desktop.app import Heft
from desktop.store.paths import default_paths
from desktop.ui.chat.sampling_panel import ChatSettings

LIMIT_SECONDS = 180.0
_LOOK_MS = 5


def until(condition: Callable[[], object], what: str, seconds: float = LIMIT_SECONDS) -> None:
    """Let the window live until something is true; TimeoutError when it does not come."""
    deadline = time.monotonic() + seconds
    loop = QEventLoop()
    look = QTimer(interval=_LOOK_MS)
    look.timeout.connect(lambda: loop.quit() if time.monotonic() > deadline or condition() else None)
    look.start()
    if not condition():
        loop.exec()
    look.stop()
    if not condition():
        raise TimeoutError(what)


def run(main: Callable[[], None]) -> None:
    """What a script does that leads a window: its exit code is 1 after an exception, which it prints."""
    try:
        main()
    except Exception:  # noqa: BLE001
        traceback.print_exc()  # the window's own hook would show it to nobody
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


class LedWindow:
    """The window on its screen, the engine with the model that it was opened with."""

    def __init__(self, model: str) -> None:
        self.application = QApplication(["heft"])
        self.heft = Heft(self.application, default_paths(), model)
        self.window = self.heft._window
        self.heft.show()
        self.chat: Any = self.window.go_to("chat")
        until(lambda: self.engine.phase == "ready", "the model")

    @property
    def engine(self):  # type: ignore[no-untyped-def]
        """State of the engine now."""
        return self.heft._container.engine.state

    def new_chat(self, max_tokens: int) -> None:
        """Begin a chat whose answers have at most so many tokens."""
        self.chat.new_chat()
        self.chat._side.settings.set_values(ChatSettings(max_tokens=max_tokens))

    def ask(self, text: str) -> str:
        """Type a question into the chat in view; the answer."""
        editor = self.chat.findChild(QPlainTextEdit, "composerText")
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        until(lambda: not self.chat._talk.busy, "the answer")
        answer = self.chat._talk.branch[-1]
        assert answer.role == "assistant" and answer.state != "failed", answer
        return str(answer.content)

    def resident(self) -> tuple[int, int]:
        """Bytes in memory of the window's process, and of the engine with its process for templates."""
        engine = psutil.Process(self.engine.pid)
        family = [engine, *engine.children(recursive=True)]
        return psutil.Process().memory_info().rss, sum(process.memory_info().rss for process in family)

    def close(self) -> None:
        """As the user closes it."""
        self.heft.close_window()
        self.heft.shut_down()
