"""The real program on a virtual screen: it opens, a typed question is answered by the real starter model, it ends.

Everything is observed from outside: windows and keys through xdotool, answers in the database, processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import END_SECONDS, START_SECONDS, Program, ended_cleanly, poll, screen, window

pytestmark = [pytest.mark.xvfb, pytest.mark.engine]


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    with screen(tmp_path) as number:
        yield number


@pytest.fixture
def program(display: str, heft_home: Path, starter_model: Path) -> Iterator[Program]:
    """``heft`` in a private home on the virtual screen, ready for input."""
    with window(display, heft_home) as running:
        yield running


def test_a_typed_question_is_answered_even_after_the_engine_was_killed(program: Program) -> None:
    program.focus()
    program.ask("What is the capital of France?")
    (answer,) = program.answers(1)
    assert answer.strip()  # "Paris." is an answer too
    assert program.rows("user", "complete") == ["What is the capital of France?"]

    (worker,) = program.workers()
    worker.kill()
    worker.wait(END_SECONDS)
    assert program.process.poll() is None
    program.ask("Say hello.")
    answers = program.answers(2)
    assert answers[1].strip()
    (second,) = program.workers()
    assert second.pid != worker.pid

    program.xdotool("key", "ctrl+q")
    ended_cleanly(program, [worker, second])
    assert "capital" not in program.log()
    assert (program.home / "settings.json").is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_as_closing_the_window_does(program: Program, number: signal.Signals) -> None:
    workers = poll(program.workers, START_SECONDS, "the engine's start")
    program.process.send_signal(number)
    ended_cleanly(program, workers)


def test_without_a_display_it_says_what_to_do_instead(heft_home: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "desktop"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "heft chat starter" in done.stderr
