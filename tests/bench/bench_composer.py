"""Keys and pastes in the composer with long texts: milliseconds until they are painted.

QT_QPA_PLATFORM=offscreen .venv/bin/python tests/bench/bench_composer.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from measure import Figure, markdown
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from desktop.ui.chat.composer import Composer
from desktop.ui.chat.long_text import LONG_LINE, MOST_TYPED
from desktop.ui.shell.theme import Theme

KEYS = 20


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    QApplication.processEvents()
    return (time.perf_counter() - began) * 1000


def _composer(theme: Theme) -> tuple[Composer, QPlainTextEdit]:
    composer = Composer(theme)
    composer.resize(700, 300)
    composer.show()
    QApplication.processEvents()
    editor = composer.findChild(QPlainTextEdit, "composerText")
    assert isinstance(editor, QPlainTextEdit)
    return composer, editor


def _key(editor: QPlainTextEdit) -> float:
    times = [_milliseconds(lambda: QTest.keyClick(editor, Qt.Key.Key_A)) for _ in range(KEYS)]
    return statistics.median(times)


def pasted(theme: Theme, text: str) -> tuple[float, float]:
    """Milliseconds of pasting the text, and of a key after it."""
    composer, editor = _composer(theme)
    mime = QMimeData()
    mime.setText(text)
    taken = _milliseconds(lambda: editor.insertFromMimeData(mime))
    key = _key(editor)
    composer.close()
    return taken, key


def fullest(theme: Theme) -> float:
    """Milliseconds of a key in a field that holds as much as it takes, in lines as long as it takes."""
    composer, editor = _composer(theme)
    line = "x" * (LONG_LINE - 1) + "\n"
    editor.setPlainText(line * (MOST_TYPED // len(line)))
    editor.moveCursor(editor.textCursor().MoveOperation.End)
    editor.textCursor().insertText("x" * (LONG_LINE - KEYS - 2))
    key = _key(editor)
    composer.close()
    return key


def figures() -> list[Figure]:
    """What the issue asks of the composer, for the common table."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme = Theme(application, "light")
    paste, key = pasted(theme, "x" * 200_000)
    paste_long, key_long = pasted(theme, "x" * 1_000_000)
    slowest = max(key, key_long, fullest(theme))
    return [
        Figure(
            "paste 200 kB without a space, ms",
            f"{paste:.1f} ms (1 MB: {paste_long:.1f} ms)",
            paste,
            "below 100",
            paste < 100,
        ),
        Figure(
            "a key typed in a composer that holds 1 MB, ms",
            f"{key_long:.1f} ms (200 kB: {key:.1f} ms, the fullest field: {slowest:.1f} ms)",
            slowest,
            "at most 50",
            slowest <= 50,
        ),
    ]


if __name__ == "__main__":
    print(markdown(figures()))
