"""Crashes of real processes, and ends that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from desktop.system.crashes import KEPT, collect_crashes, crash_files

CODE = """
import os, signal, sys
from pathlib import Path
from desktop.system.crashes import CrashCapture
capture = CrashCapture(Path(sys.argv[1]), "window", "Heft 0, the window")
def in_the_middle_of_something():
    {end}
in_the_middle_of_something()
"""


def _end(folder: Path, how: str) -> None:
    subprocess.run([sys.executable, "-c", CODE.format(end=how), str(folder)], timeout=60, stderr=subprocess.DEVNULL)


CRASHES = ("os.kill(os.getpid(), signal.SIGSEGV)", "os.abort()", "import ctypes; ctypes.string_at(0)")
ENDS = ("capture.close()", "os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)", "raise SystemExit(1)")


@pytest.mark.parametrize("how", CRASHES)
def test_a_crash_is_told_once_with_its_stack(tmp_path: Path, how: str) -> None:
    _end(tmp_path, how)
    (found,) = collect_crashes(tmp_path)
    text = found.read_text()
    assert text.startswith("Heft 0, the window\n") and "in_the_middle_of_something" in text
    assert collect_crashes(tmp_path) == [] and crash_files(tmp_path) == [found]


@pytest.mark.parametrize("how", ENDS)
def test_another_end_is_no_crash(tmp_path: Path, how: str) -> None:
    _end(tmp_path, how)
    assert collect_crashes(tmp_path) == [] and list(tmp_path.iterdir()) == []


def test_a_process_that_runs_keeps_its_file(tmp_path: Path) -> None:
    code = CODE.format(end='print("ready", flush=True); sys.stdin.read(); os.abort()')
    command, pipe = [sys.executable, "-c", code, str(tmp_path)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        assert collect_crashes(tmp_path) == [] and len(list(tmp_path.iterdir())) == 1
        process.stdin.close()
        process.wait(60)
    assert len(collect_crashes(tmp_path)) == 1


def test_few_are_kept_and_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert collect_crashes(tmp_path / "none") == []
    for number in range(KEPT + 3):
        (tmp_path / f"crash-window-{number}-20260101-00000{number}.txt").write_text("Fatal Python error: Aborted")
    collect_crashes(tmp_path)
    assert len(crash_files(tmp_path)) == KEPT
