"""The real window serves: switched on by hand, asked by programs as its own lines say; prints what was seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QTableView
from support.led_window import run, until

from desktop.app import Heft
from desktop.store.paths import default_paths

ANSWER_SECONDS = 120.0


class Window:
    """At the page Serve."""

    def __init__(self, application: QApplication) -> None:
        self.heft = Heft(application, default_paths(), "")
        self.window = self.heft._window
        self.heft.show()
        self.press("navigate_serve")
        until(lambda: self.window.current == "serve", "the page")
        self.page: Any = self.window.page("serve")

    def find(self, kind: type, name: str) -> Any:
        found = self.window.findChild(kind, name)
        assert found is not None, name
        return found

    def press(self, name: str) -> None:
        QTest.mouseClick(self.find(QAbstractButton, name), Qt.MouseButton.LeftButton)

    def phase(self) -> str:
        return str(self.find(QLabel, "servePhase").text())

    def rows(self, name: str) -> list[list[str]]:
        model = self.find(QTableView, name).model()
        return [
            [str(model.index(row, column).data()) for column in range(model.columnCount())]
            for row in range(model.rowCount())
        ]

    def ran(self, command: list[str], text: str | None = None) -> str:
        """What a program prints while the window lives."""
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "HEFT_KEY": self.key},
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(text or "")
        process.stdin.close()
        until(lambda: process.poll() is not None, f"the end of {command[0]}", ANSWER_SECONDS)
        said = process.stdout.read()
        process.stdout.close()
        return said

    @property
    def key(self) -> str:
        return str(self.find(QLineEdit, "serveKey").text())

    def lines(self, name: str) -> str:
        self.press(f"serveSnippet_{name}")
        return str(self.find(QPlainTextEdit, "serveLines").toPlainText())


def main() -> None:
    """Switch on, ask with the lines for curl and for Python, switch off."""
    seen: dict[str, object] = {}
    led = Window(QApplication(["heft"]))
    until(lambda: bool(led.rows("serveModels")), "the models")
    led.press("serveSwitch")
    until(lambda: led.phase() == "● on" or "could not" in led.phase(), "the server")
    seen["phase"] = led.phase()
    led.press("serveShowKey")
    until(lambda: led.key.startswith("heft-") and "•" not in led.key, "the key")
    seen["curl"] = led.ran(["sh"], led.lines("curl").replace("curl ", "curl -s ", 1))
    seen["refused"] = led.ran(
        ["sh"], led.lines("curl").replace("$HEFT_KEY", "heft-wrong").replace("curl ", "curl -s ", 1)
    )
    seen["python"] = led.ran([sys.executable, "-P", "-"], led.lines("python"))
    until(lambda: [row[-1] for row in led.rows("serveRequests")].count("done") == 2, "the rows")
    seen["requests"] = led.rows("serveRequests")
    until(lambda: any("ready" in row[1] for row in led.rows("serveModels")), "the model at rest")
    seen["models"] = led.rows("serveModels")
    seen["status bar"] = led.find(QPushButton, "statusServing").text()
    led.press("serveSwitch")
    until(lambda: led.phase() == "○ off", "the end")
    seen["after"] = led.ran(["sh"], led.lines("curl").replace("curl ", "curl -s -o /dev/null -w %{http_code} ", 1))
    led.heft.close_window()
    led.heft.shut_down()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    run(main)
