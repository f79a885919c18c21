"""A window that crashed is told of at the next start, once; every other end is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

HERE = Path(__file__).parent
CRASHED = "Heft ended unexpectedly last time."


def _window(home: Path, how: str) -> subprocess.CompletedProcess[str]:
    around = {
        **os.environ,
        "HOME": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "ended_window", how]
    return subprocess.run(command, env=around, capture_output=True, text=True, timeout=120, cwd=home)


def _told(home: Path) -> list[str]:
    looked = _window(home, "look")
    assert looked.returncode == 0, looked.stderr
    found: list[str] = json.loads(looked.stdout)
    return found


@pytest.fixture
def home(tmp_path: Path, paths: Paths) -> Path:
    SettingsStore(paths.settings).set(options.LOAD_AT_START, False)
    made = tmp_path / "person"
    made.mkdir()
    return made


@pytest.mark.engine
@pytest.mark.parametrize("how", ["segv", "abort"])
def test_a_crash_is_told_once_and_a_report_has_its_stack(how: str, home: Path, paths: Paths) -> None:
    assert _window(home, how).returncode < 0
    told = _told(home)
    assert told[0] == CRASHED
    assert [path.name for path in paths.logs.glob("*.running")] == []
    (report,) = home.rglob("heft-report-*.zip")
    assert f"{report.parent.name}: {report.name}" in told[-1]
    with zipfile.ZipFile(report) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("crashes/")]
        text = archive.read(name).decode()
    assert "ended_window.py" in text and "in _end" in text and str(home) not in text
    assert _told(home) == []


@pytest.mark.parametrize("how", ["quit", "kill", "helper"])
def test_another_end_is_not_told(how: str, home: Path, paths: Paths) -> None:
    ended = _window(home, how)
    assert (ended.returncode == 0) == (how != "kill"), ended.stderr
    assert _told(home) == []
    assert list(paths.logs.glob("crash-*")) == []
