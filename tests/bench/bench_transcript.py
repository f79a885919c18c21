"""The transcript against the plain way to do it: a QTextBrowser given the whole Markdown with every batch.

    QT_QPA_PLATFORM=offscreen .venv/bin/python tests/bench/bench_transcript.py

CPU milliseconds of the GUI thread, median; a batch is 15 characters, what 100 tokens per second bring in 33 ms.
The plain way is measured with few batches only: it would take minutes.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from measure import Figure
from PySide6.QtCore import QEventLoop
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication, QTextBrowser, QWidget
from support.chat_page import Desk
from support.png_bytes import plain_png

from desktop.core.attachments import Enclosed
from desktop.services.chat.formulas import FormulaService
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.ui.shared.transcript import Formulas, TranscriptMessage, TranscriptView
from desktop.ui.shell.collector import Collector
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

PARAGRAPH = (
    "The Moon pulls on the near side of Earth more strongly than on its **centre**, and on its centre more than on "
    "the far side, `as code says`. So the ocean stretches both ways, and most coasts see two high tides a day.\n\n"
)
ANSWER = PARAGRAPH * 2 + "1. a bulge here;\n2. a bulge there.\n\n```python\ndef tide(r): return 2 / r**3\n```\n\n"
WORDS = "two high tides "
MATH = r"""The pull is \(F = G \frac{m M}{r^2}\), so with $r \gg R$:

$$
\Delta a \approx \frac{2 G M R}{r^3}
$$

| body | $GM/r^3$ | share |
|---|--:|--:|
| Moon | $8.6 \cdot 10^{-14}$ | 69% |
| Sun | $3.9 \cdot 10^{-14}$ | 31% |

"""
MATH_PIECE = "| more | $x^2$ | 1% |\n\nand \\(y_1\\) "
BATCHES = 60
PLAIN_BATCHES = 4
MESSAGES, PICTURES, FORMULAS = 5000, 50, 200


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Median CPU time of the work with everything it makes the event loop do."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        QApplication.processEvents()
        taken.append((time.process_time() - began) * 1000)
    return statistics.median(taken)


def transcript(theme: Theme, characters: int, answer: str = ANSWER, piece: str = WORDS) -> float:
    tasks = Tasks()
    service = FormulaService()
    formulas = Formulas(lambda latex, display: service.outline(latex, display=display), tasks)
    view = TranscriptView(theme, formulas=formulas)
    view.resize(705, 690)
    view.show()
    view.set_messages([TranscriptMessage(1, "assistant", "", state="streaming")])
    view.append_text(1, answer * (characters // len(answer) + 1))
    view.flush()
    until = time.monotonic() + 30
    while formulas.waiting and time.monotonic() < until:
        QApplication.processEvents()

    def batch() -> None:
        view.append_text(1, piece)
        view.flush()

    taken = milliseconds(batch, BATCHES)
    view.close()
    tasks.shutdown()
    service.close()
    return taken


def text_browser(characters: int) -> float:
    browser = QTextBrowser()
    browser.resize(705, 690)
    browser.show()
    text = ANSWER * (characters // len(ANSWER) + 1)

    def batch() -> None:
        nonlocal text
        text += WORDS
        browser.setMarkdown(text)
        browser.moveCursor(QTextCursor.MoveOperation.End)

    taken = milliseconds(batch, PLAIN_BATCHES)
    browser.close()
    return taken


def opening(theme: Theme) -> tuple[float, float]:
    """Milliseconds to open a long chat: the transcript, and one Markdown document."""
    messages = [
        TranscriptMessage(n, "assistant" if n % 2 else "user", ANSWER if n % 2 else "Why?") for n in range(MESSAGES)
    ]
    view = TranscriptView(theme)
    view.resize(705, 690)
    view.show()
    taken = milliseconds(lambda: view.set_messages(messages), 3)
    view.close()
    browser = QTextBrowser()
    browser.resize(705, 690)
    browser.show()
    whole = "\n\n".join(message.content for message in messages[: MESSAGES // 10])
    plain = milliseconds(lambda: browser.setMarkdown(whole), 1) * 10
    browser.close()
    return taken, plain


class Waits:
    """What the page of the tests asks of its bot."""

    def waitUntil(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < until
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)

    def addWidget(self, widget: QWidget) -> None:
        """It is closed by the measurement."""

    @contextmanager
    def waitExposed(self, widget: QWidget) -> Iterator[None]:
        yield
        self.waitUntil(widget.isVisible)


def opening_with_pictures(theme: Theme) -> float:
    """Seconds from asking the page Chat for a chat of 5,000 messages with 200 formulas and 50 pictures to its first
    paint, as the clock has it: read from the database, shown, painted. Small pictures and formulas come after that.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), Path(folder) / "cache")
        store = ChatStore(paths.chats)
        chat, parent = store.create(), None
        for n in range(MESSAGES):
            picture = n % (MESSAGES // PICTURES) == 0
            files = [Enclosed.of("image", f"{n}.png", "image/png", plain_png(640, 480 + n), width=640, height=480 + n)]
            answer = MATH if n % (MESSAGES // (FORMULAS // 5)) == 1 else ANSWER
            words, role = ("Why?", "user") if n % 2 == 0 else (answer, "assistant")
            parent = store.add(chat.id, parent, role, words, attachments=files if picture else ()).id  # type: ignore[arg-type]
        tasks, formulas, bot = Tasks(), FormulaService(), Waits()
        desk = Desk(cast("QtBot", bot), store, paths, tasks, theme, None)
        desk.typeset = lambda latex, display: formulas.outline(latex, display=display)
        collector = Collector()
        collector.start()  # as in the program: no collection in the middle
        taken = []
        for _ in range(5):
            desk.page.new_chat()
            bot.waitUntil(lambda: not desk.branch)
            began = time.monotonic()
            desk.page.open_chat(chat.id)
            while len(desk.page._talk.branch) < MESSAGES:
                QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            desk.page.repaint()
            taken.append(time.monotonic() - began)
        collector.stop()
        gc.enable()
        desk.page.close()
        desk.close()
        tasks.shutdown()
        formulas.close()
        store.close()
    return statistics.median(taken)


def reading() -> float:
    """Milliseconds to read a long chat from its database."""
    with tempfile.TemporaryDirectory() as folder:
        store = ChatStore(Path(folder) / "chats.sqlite3")
        chat, parent = store.create(), None
        for n in range(MESSAGES):
            parent = store.add(chat.id, parent, "assistant" if n % 2 else "user", ANSWER if n % 2 else "Why?").id
        taken = milliseconds(lambda: store.messages(chat.id), 3)
        store.close()
    return taken


def _theme() -> Theme:
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    return Theme(application, "light")


def figures() -> list[Figure]:
    """What the issue asks of the transcript, for the common table."""
    theme = _theme()
    short, long = transcript(theme, 1_000), transcript(theme, 100_000)
    short_math, long_math = (transcript(theme, size, MATH, MATH_PIECE) for size in (1_000, 100_000))
    plain = text_browser(100_000)
    opened, opened_plain = opening(theme)
    read, pictured = reading(), opening_with_pictures(theme)
    return [
        Figure(
            "a batch of text after 100,000 characters ÷ after 1,000",
            f"{long:.2f} ms ÷ {short:.2f} ms CPU (QTextBrowser: {plain:.0f} ms)",
            long / short,
            "below 2",
            long / short < 2,
        ),
        Figure(
            "a batch of streamed text with math and tables after 100,000 characters ÷ after 1,000",
            f"{long_math:.2f} ms ÷ {short_math:.2f} ms CPU",
            long_math / short_math,
            "at most 2",
            long_math / short_math <= 2,
        ),
        Figure(
            "open a chat of 5,000 messages, seconds",
            f"{opened / 1000:.3f} s (QTextBrowser: {opened_plain / 1000:.2f} s)",
            opened / 1000,
            "below 0.5",
            opened < 500,
        ),
        Figure(
            "open a chat of 5,000 messages with 200 formulas and 50 pictures, to first paint",
            f"{pictured:.3f} s",
            pictured,
            "below 0.1",
            pictured < 0.1,
        ),
        Figure("read a chat of 5,000 messages, seconds", f"{read / 1000:.3f} s", read / 1000, "below 0.1", read < 100),
    ]


def main() -> None:
    """Print the table."""
    theme = _theme()
    print(f"{'CPU ms of the GUI thread':44}{'transcript':>12}{'text browser':>14}{'ratio':>9}")
    for characters in (1_000, 10_000, 100_000):
        ours, plain = transcript(theme, characters), text_browser(characters)
        print(f"{f'one batch after {characters:,} characters':44}{ours:12.2f}{plain:14.1f}{plain / ours:9.0f}")
    ours, plain = opening(theme)
    print(f"{f'open {MESSAGES:,} messages (browser: 500, times 10)':44}{ours:12.1f}{plain:14.0f}{plain / ours:9.0f}")


if __name__ == "__main__":
    main()
