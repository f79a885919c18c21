"""The settings in the real window on a virtual screen at 200%: opened, searched and changed with the keyboard alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import END_SECONDS, ended_cleanly, poll, screen, window

pytestmark = pytest.mark.xvfb


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    with screen(tmp_path) as number:
        yield number


def test_a_setting_is_found_and_changed_by_keys(display: str, heft_home: Path) -> None:
    kept = heft_home / "settings.json"
    kept.write_text('{"schema_version": 1, "load_at_start": false, "last_page": "chat"}')
    with window(display, heft_home, environment={"QT_SCALE_FACTOR": "2"}) as program:
        program.focus()
        program.xdotool("key", "ctrl+comma")
        dialog = poll(lambda: program.xdotool("search", "--name", "^Settings$").split(), END_SECONDS, "the dialog")[-1]
        program.xdotool("windowfocus", "--sync", dialog)
        told = program.xdotool("getwindowgeometry", "--shell", dialog)
        geometry = dict(line.split("=") for line in told.splitlines())
        assert int(geometry["WIDTH"]) <= 1280 and int(geometry["HEIGHT"]) <= 800
        program.xdotool("key", "ctrl+f")
        program.xdotool("type", "load a model")
        program.xdotool("key", "Return")
        program.xdotool("key", "space")
        expected = {"schema_version": 2}  # on is the default, which is not written
        poll(lambda: json.loads(kept.read_text()) == expected, END_SECONDS, "the change")
        done = subprocess.run(
            [sys.executable, "-m", "desktop", "config", "threads", "3"], env={**os.environ, "HEFT_HOME": str(heft_home)}
        )
        assert done.returncode == 0
        program.xdotool("key", "space")  # the window has seen what the command wrote, and keeps it
        poll(lambda: json.loads(kept.read_text()).get("load_at_start") is False, END_SECONDS, "the next change")
        assert json.loads(kept.read_text())["threads"] == 3
        program.xdotool("key", "Escape")
        program.focus()
        program.xdotool("key", "ctrl+q")
        ended_cleanly(program, program.workers())


@pytest.mark.parametrize("factor", ["1.5", "2"])
def test_nothing_is_cut_on_a_scaled_screen(factor: str) -> None:
    """The dialog's own test, in a process whose pixels are larger."""
    root = Path(__file__).parents[2]
    test = "tests/ui/shell/settings/test_settings_dialog.py::test_nothing_is_cut"
    environment = {**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "pytest", test, "-k", "640 or 820"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "4 passed" in done.stdout
