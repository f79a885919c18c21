"""The real program on a virtual screen, observed from outside: keys through xdotool, the database, processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

T = TypeVar("T")

START_SECONDS = 30.0
ANSWER_SECONDS = 120.0
ENOUGH_SECONDS = 10.0  # of one answer
ENDED = ("complete", "stopped", "context-full")
END_SECONDS = 20.0


def poll(check: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first true answer of ``check``; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        pause.wait(0.05)


@contextlib.contextmanager
def screen(folder: Path) -> Iterator[str]:
    """A screen of its own. Skipped where there is no Xvfb, but never in CI."""
    missing = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
    if missing:
        said = f"{' and '.join(missing)} not installed"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    reading, writing = os.pipe()
    with (folder / "xvfb.log").open("wb") as log:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stdout=log,
            stderr=log,
        )
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    assert number, (folder / "xvfb.log").read_text()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(END_SECONDS)


@dataclass
class Program:
    """The running window and what can be seen of it."""

    process: subprocess.Popen[bytes]
    display: str
    home: Path
    stderr: Path

    def xdotool(self, *arguments: str) -> str:
        environment = {**os.environ, "DISPLAY": self.display}
        done = subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout.strip()

    def wait_until_ready(self) -> None:
        """Until it says that the first window was painted."""

        def ready() -> bool:
            assert self.process.poll() is None, self.stderr.read_text()
            return "heft-ready " in self.stderr.read_text()

        poll(ready, START_SECONDS, "the first paint")

    def focus(self) -> str:
        """Give the keyboard to the window, as a window manager would; its id."""
        window = poll(
            lambda: self.xdotool("search", "--onlyvisible", "--name", "^Heft$"), START_SECONDS, "the window"
        ).splitlines()[0]
        self.xdotool("windowfocus", "--sync", window)
        return window

    def ask(self, question: str) -> None:
        self.xdotool("type", "--delay", "15", question)
        self.xdotool("key", "Return")

    def rows(self, role: str, state: str) -> list[str]:
        """Texts of the messages now in the database."""
        database = self.home / "chats.sqlite3"
        if not database.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            query = "SELECT content FROM messages WHERE role = ? AND state = ? ORDER BY id"
            return [content for (content,) in db.execute(query, (role, state))]

    def text_length(self) -> int:
        """Characters of all answers now in the database, also of those still being written."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home / 'chats.sqlite3'}?mode=ro", uri=True)) as db:
            messages = "SELECT sum(length(content)) FROM messages WHERE role = 'assistant'"
            return sum(
                db.execute(query).fetchone()[0] or 0 for query in (messages, "SELECT sum(length(text)) FROM pieces")
            )

    def answers(self, count: int) -> list[str]:
        """The first ``count`` ended answers, as soon as there are so many.

        A small model may run on until its context is full. It is told to stop after a while: it answered all the same.
        """
        enough = time.monotonic() + ENOUGH_SECONDS

        def ended() -> list[str] | None:
            if time.monotonic() > enough and self.rows("assistant", "streaming"):
                self.xdotool("key", "Escape")
            rows = [row for state in ENDED for row in self.rows("assistant", state)]
            return rows if len(rows) >= count else None

        return poll(ended, ANSWER_SECONDS, f"answer {count}")

    def workers(self) -> list[psutil.Process]:
        """The engine's processes below the window."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if child.name() == "llama-server"]

    def log(self) -> str:
        log = self.home / "cache" / "logs" / "heft.log"
        return log.read_text(encoding="utf-8") if log.exists() else ""


def lead(driver: Path, *arguments: str, display: str, folder: Path, seconds: float, **variables: str) -> str:
    """Run a script that leads the real window from inside (support.led_window); what it printed."""
    around = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_RUNTIME_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")))),
        **variables,
    }
    words = [sys.executable, "-P", str(driver), *arguments]
    done = subprocess.run(words, env=around, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def command(*arguments: str) -> list[str]:
    """The window as the installed command starts it: nothing of the working directory can be imported."""
    return [sys.executable, "-P", "-m", "desktop", *arguments]


@contextlib.contextmanager
def window(
    display: str,
    home: Path,
    arguments: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    cwd: Path | None = None,
) -> Iterator[Program]:
    """``heft`` in a private home (HEFT_HOME is set already) on a screen, ready for input; killed with the block.

    ``prefix`` is a command that runs the command behind it (unshare).
    """
    stderr = home.parent / "heft.stderr"
    around = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "HEFT_STARTUP_MARK": "1",
        "XDG_RUNTIME_DIR": str(home.parent),
        **(environment or {}),
    }
    with stderr.open("wb") as stream:
        process = subprocess.Popen([*prefix, *command(*arguments)], env=around, stderr=stream, cwd=cwd)
    running = Program(process, display, home, stderr)
    try:
        running.wait_until_ready()
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(END_SECONDS)


def ended_cleanly(program: Program, workers: list[psutil.Process]) -> None:
    """Exit code 0, no engine left, nothing in the log that should not be there."""
    assert program.process.wait(END_SECONDS) == 0, program.stderr.read_text()
    _, alive = psutil.wait_procs(workers, timeout=END_SECONDS)
    assert alive == []
    assert "ERROR" not in program.log()
    assert "Traceback" not in program.stderr.read_text()
