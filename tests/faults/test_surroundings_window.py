"""The real window without fonts, in a home that cannot be written, at 200%, on a file of no Unicode name, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import ANSWER_SECONDS, END_SECONDS, Program, ended_cleanly, poll, window

pytestmark = [pytest.mark.engine, pytest.mark.xvfb]
STOPPED_SECONDS = 1.0
NO_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/none</dir><cachedir>{0}/cache</cachedir></fontconfig>"""


@pytest.fixture
def read_only(heft_home: Path) -> Iterator[Path]:
    """The home as a file system that takes no writes; with rights taken away where a test may not mount."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(heft_home)], capture_output=True)
    if mounted.returncode != 0:
        heft_home.chmod(0o500)
    yield heft_home
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(heft_home)], check=True)
    else:
        heft_home.chmod(0o700)


def test_no_fonts_and_no_place_to_write(display: str, read_only: Path, small_model: Path, tmp_path: Path) -> None:
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(NO_FONTS.format(tmp_path))
    with window(display, read_only, [str(small_model)], environment={"FONTCONFIG_FILE": str(fonts)}) as program:
        program.focus()
        (engine,) = poll(program.workers, END_SECONDS, "the engine")
        poll(lambda: engine.memory_info().rss > small_model.stat().st_size, ANSWER_SECONDS, "the model")
        program.ask("Hello")
        before = engine.cpu_times().user
        poll(lambda: engine.cpu_times().user > before, ANSWER_SECONDS, "the answer's work")
        program.xdotool("key", "Escape")
        program.xdotool("key", "ctrl+q")
        ended_cleanly(program, [engine])
        assert "no fonts" in program.stderr.read_text()
    assert list(read_only.iterdir()) == []


def test_a_screen_at_200_percent_and_a_stopped_window(
    display: str, heft_home: Path, small_model: Path, tmp_path: Path
) -> None:
    path = os.fsencode(tmp_path) + b"/mod\xff-Q4_K_M.gguf"
    Path(os.fsdecode(path)).symlink_to(small_model)
    with window(display, heft_home, [os.fsdecode(path)], environment={"QT_SCALE_FACTOR": "2"}) as program:
        shown = program.focus()
        program.ask("Tell me of the sea.")
        poll(lambda: program.rows("assistant", "streaming"), ANSWER_SECONDS, "the answer")
        _grown(program, 1)
        (engine,) = program.workers()
        for pid in (program.process.pid, engine.pid):
            os.kill(pid, signal.SIGSTOP)
        threading.Event().wait(STOPPED_SECONDS)
        kept = program.text_length()
        for pid in (program.process.pid, engine.pid):
            os.kill(pid, signal.SIGCONT)
        _grown(program, kept + 1)
        program.xdotool("key", "Escape")
        poll(lambda: not program.rows("assistant", "streaming"), END_SECONDS, "the stop")
        geometry = dict(line.split("=") for line in program.xdotool("getwindowgeometry", "--shell", shown).splitlines())
        assert int(geometry["WIDTH"]) <= 1280 and int(geometry["HEIGHT"]) <= 800
        program.xdotool("key", "ctrl+q")
        ended_cleanly(program, [engine])


def _grown(program: Program, length: int) -> None:
    poll(lambda: program.text_length() >= length, ANSWER_SECONDS, "the answer's text")
