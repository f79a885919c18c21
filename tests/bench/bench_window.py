"""The window beside an empty PySide6 window: start, memory, idle CPU; and its tok/s beside `heft run` and a bare loop.

Real windows on a virtual screen (Xvfb), in private homes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from bench_engine import bare
from measure import Figure, median_ratio
from support.program import poll

from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

START_SECONDS = 30.0
IDLE_SECONDS = 20.0
ANSWER_SECONDS = 180.0
SETTLE_SECONDS = 4.0  # the model is loaded, the chats are listed
TOKENS = 256
STORY = "Write a very long story about the sea and the moon."
FIRST_CHAT, COMPOSER = (190, 88), (600, 715)  # in a window of 1280x800

EMPTY_WINDOW = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

class Window(QWidget):
    def paintEvent(self, event):
        QTimer.singleShot(0, said)

def said():
    sys.stderr.write(f"heft-ready {time.monotonic():.6f}\\n")
    sys.stderr.flush()

application = QApplication([])
window = Window()
window.resize(1280, 800)
window.show()
application.exec()
"""


@contextmanager
def screen() -> Iterator[str]:
    """A virtual screen."""
    reading, writing = os.pipe()
    options = ["-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(["Xvfb", *options], pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        display = f":{answer.readline().strip()}"
    try:
        yield display
    finally:
        server.terminate()
        server.wait()


class Window:
    """A started program whose stderr says when its first paint was done."""

    def __init__(self, command: list[str], display: str, home: Path) -> None:
        self._stderr = home / "stderr"
        self.display = display
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {
            **inherited,
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "HEFT_HOME": str(home),
            "HEFT_STARTUP_MARK": "1",
            "XDG_RUNTIME_DIR": str(home),
        }
        started = time.monotonic()
        with self._stderr.open("wb") as stream:
            self.process = subprocess.Popen(command, env=environment, stderr=stream)
        self.seconds_to_paint = self._ready() - started

    def _ready(self) -> float:
        def painted() -> float | None:
            marks = [line for line in self._stderr.read_text().splitlines() if line.startswith("heft-ready ")]
            return float(marks[0].split()[1]) if marks else None

        return poll(painted, START_SECONDS, "the first paint")

    def place(self) -> None:
        """Bring the window to the screen's corner with the keyboard in it, as a window manager would."""
        window = self._xdotool("search", "--sync", "--onlyvisible", "--name", "^Heft$").split()[0]
        self._xdotool("windowmove", window, "0", "0")
        self._xdotool("windowsize", window, "1280", "800")
        self._xdotool("windowfocus", "--sync", window)

    def click(self, x: int, y: int) -> None:
        """Press the left button at a point of the window."""
        self._xdotool("mousemove", str(x), str(y), "click", "1")

    def type(self, text: str) -> None:
        """Type a line and send it."""
        self._xdotool("type", "--delay", "10", text)
        self._xdotool("key", "Return")

    def _xdotool(self, *arguments: str) -> str:
        environment = {**os.environ, "DISPLAY": self.display}
        command = ["xdotool", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def home(load_at_start: bool) -> Iterator[Paths]:
    """A private HEFT_HOME."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), Path(folder) / "cache")
        SettingsStore(paths.settings).update(load_at_start=load_at_start)
        yield paths


def heft_window(display: str, paths: Paths) -> Window:
    """The real program."""
    return Window([sys.executable, "-m", "desktop"], display, paths.data)


def start_up(display: str, rounds: int) -> list[Figure]:
    """Process start to first painted window, alternating with an empty window."""
    pairs = []
    with home(load_at_start=False) as paths:
        for round_number in range(rounds + 1):
            ours = heft_window(display, paths)
            ours.close()
            empty = Window([sys.executable, "-c", EMPTY_WINDOW], display, paths.data)
            empty.close()
            if round_number:  # the first reads everything from the disk
                pairs.append((ours.seconds_to_paint, empty.seconds_to_paint))
    ours_seconds, empty_seconds = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = median_ratio(pairs)
    sides = f"{ours_seconds:.3f} s ÷ {empty_seconds:.3f} s"
    return [
        Figure("start to first paint ÷ empty PySide6 window", sides, ratio, "below 3", ratio < 3),
        Figure("start to first paint, seconds", sides, ours_seconds, "below 0.6", ours_seconds < 0.6),
    ]


def idle(display: str) -> list[Figure]:
    """Memory and CPU of a window that nobody uses, engine stopped."""
    with home(load_at_start=False) as paths:
        window = heft_window(display, paths)
        process = psutil.Process(window.process.pid)
        time.sleep(5)  # housekeeping after the first paint
        before = process.cpu_times()
        time.sleep(IDLE_SECONDS)
        after = process.cpu_times()
        megabytes = process.memory_info().rss / 1e6
        window.close()
        empty = Window([sys.executable, "-c", EMPTY_WINDOW], display, paths.data)
        time.sleep(1)
        empty_megabytes = psutil.Process(empty.process.pid).memory_info().rss / 1e6
        empty.close()
    percent = 100 * (after.user + after.system - before.user - before.system) / IDLE_SECONDS
    sides = f"{megabytes:.0f} MB, empty window {empty_megabytes:.0f} MB"
    return [
        Figure("resident memory of the idle window, MB", sides, megabytes, "below 130", megabytes < 130),
        Figure("idle CPU of the window, percent", f"over {IDLE_SECONDS:.0f} s", percent, "at most 0.2", percent <= 0.2),
    ]


def tokens_per_second(display: str, starter: Path, rounds: int) -> list[Figure]:
    """Tokens per second of an answer in the real window, each round between two of the bare loop and of ``heft run``.

    A virtual machine's speed drifts by more than the window takes: the mean of the two is of the answer's own minute.
    What ``heft run`` loses to the bare loop is the engine's and its server's; what is lost to that, the window's.
    """
    loop, command = [], []
    with home(load_at_start=True) as paths:
        store = ChatStore(paths.chats)
        for round_number in range(rounds):
            chat = store.create(title=f"Round {round_number}", sampling={"seed": 1})
            store.update(chat.id, max_tokens=TOKENS)
            before = bare(starter, TOKENS), run_command(paths, starter)
            window = heft_window(display, paths)
            window.place()
            time.sleep(SETTLE_SECONDS)
            window.click(*FIRST_CHAT)
            time.sleep(1)
            window.click(*COMPOSER)
            window.type(STORY)
            figures = _wait_for_answer(store, chat.id)
            window.close()
            after = run_command(paths, starter), bare(starter, TOKENS)
            ours = figures["tokens_per_second"]
            loop.append((ours, statistics.mean((before[0], after[1]))))
            command.append((ours, statistics.mean((before[1], after[0]))))
        store.close()
    return [
        _beside("bare llama.cpp loop, starter model", loop),
        _beside("`heft run`, starter model", command),
    ]


def run_command(paths: Paths, starter: Path) -> float:
    """Tokens per second of ``heft run`` with the same question, seed and settings."""
    command = [sys.executable, "-m", "desktop", "run", str(starter), "--prompt", STORY, "--seed", "1", "--json"]
    done = subprocess.run(
        [*command, "--max-tokens", str(TOKENS)],
        env={**os.environ, "HEFT_HOME": str(paths.data)},
        capture_output=True,
        text=True,
        check=True,
        timeout=ANSWER_SECONDS,
    )
    return float(json.loads(done.stdout)["tokens_per_second"])


def _beside(what: str, pairs: Sequence[tuple[float, float]]) -> Figure:
    ratio = median_ratio(pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    name = f"tok/s of the window ÷ {what}"
    return Figure(name, f"{ours:.1f} ÷ {theirs:.1f}", ratio, "at least 0.97", ratio >= 0.97)


def _wait_for_answer(store: ChatStore, chat_id: int) -> dict[str, float]:
    def answered() -> dict[str, float] | None:
        answers = [m for m in store.messages(chat_id) if m.role == "assistant" and m.statistics]
        return answers[-1].statistics if answers else None

    return poll(answered, ANSWER_SECONDS, "an answer in the window's chat")


def figures(starter: Path, quick: bool) -> list[Figure]:
    """All figures of this file."""
    with screen() as display:
        return [
            *start_up(display, 3 if quick else 9),
            *idle(display),
            *tokens_per_second(display, starter, 2 if quick else 7),
        ]
