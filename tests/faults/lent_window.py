"""The real window with a model on another computer's devices, whose cable is pulled in the middle of an answer.

python -m lent_window MODEL      prints "asked" once the answer has begun, then what was seen, as JSON
"""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit
from support.led_window import LedWindow, run, until

from desktop.services.chat.events import TextAdded

SECONDS = 240.0


def _ask(led: LedWindow, text: str) -> None:
    editor = led.chat.findChild(QPlainTextEdit, "composerText")
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def _main() -> None:
    led = LedWindow(sys.argv[1])
    loaded = led.engine.loaded
    led.new_chat(400)
    text: list[str] = []
    chat = led.heft._container.chat
    chat.subscribe(lambda event: text.append(event.text) if isinstance(event, TextAdded) else None)
    _ask(led, "Write a long story about a ship and its crew.")
    until(lambda: sum(map(len, text)) > 20, "the text", SECONDS)
    sys.stdout.write("asked\n")
    sys.stdout.flush()
    until(lambda: not led.chat._talk.busy, "the end of the answer", SECONDS)
    answer = led.chat._talk.branch[-1]
    sys.stdout.write(
        json.dumps(
            {
                "held": {device.name: device.weights_bytes for device in loaded.devices},
                "state": answer.state,
                "text": answer.content,
                "said": [shown.text for shown in led.window.notifications.notifications],
                "phase": led.engine.phase,
                "page": led.window.current,
            }
        )
    )
    led.close()


if __name__ == "__main__":
    run(_main)
