"""The unit that lets systemd start ``heft serve``: its text, and what is left when it cannot be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.core.errors import HeftError
from desktop.services.serve import unit


def test_it_runs_heft_serve_with_its_arguments_and_where_things_lie(tmp_path: Path) -> None:
    text = unit.unit_text(["--port", "9000"], {"HEFT_HOME": "/srv/my models/100%", "HF_TOKEN": "hf_secret"})
    lines = text.splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start.endswith('"-m" "desktop" "serve" "--port" "9000"') and f'"{sys.executable}"' in start
    assert 'Environment="HEFT_HOME=/srv/my models/100%%"' in lines and "hf_secret" not in text
    assert "Restart=on-failure" in lines and "WantedBy=default.target" in lines


def test_an_appimage_is_started_by_its_own_file() -> None:
    text = unit.unit_text([], {"APPIMAGE": "/home/me/He$t.AppImage"})
    assert 'ExecStart="/home/me/He$$t.AppImage" "serve"' in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_it(tmp_path: Path) -> None:
    path = tmp_path / unit.NAME
    path.write_text(unit.unit_text(["--network"], {"HEFT_HOME": '/srv/my "models"/100%$x\\'}))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.NAME in line]) == (0, [])


class Systemctl:
    """A program of this name before all others in PATH; ``calls`` are what it was asked."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        self._log = folder / "calls"
        tool = folder / "systemctl"
        tool.write_text(f'#!/bin/sh\necho "$*" >> {self._log}\necho "Failed to connect to bus" >&2\nexit {code}\n')
        tool.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_installing_writes_it_and_lets_systemd_start_it(places: Path) -> None:
    systemctl = Systemctl(places)
    found = unit.install(["--network"])
    assert found.path == places / "config" / "systemd" / "user" / "heft-serve.service" and found.started
    assert '"serve" "--network"' in found.path.read_text()
    assert systemctl.calls == ["--user daemon-reload", "--user enable --now heft-serve.service"]
    assert not unit.uninstall().enabled and not found.path.exists()
    assert systemctl.calls[2:] == ["--user disable --now heft-serve.service", "--user daemon-reload"]
    unit.uninstall()
    assert len(systemctl.calls) == 4, "there is nothing to remove"


def test_while_something_serves_it_is_only_for_the_next_login(places: Path) -> None:
    systemctl = Systemctl(places)
    assert not unit.install([], start=False).started
    assert systemctl.calls[1] == "--user enable heft-serve.service"


def test_a_systemd_that_refuses_leaves_nothing_behind(places: Path) -> None:
    Systemctl(places, code=1)
    with pytest.raises(HeftError) as told:
        unit.install([])
    assert told.value.kind == "no-systemd" and "Failed to connect to bus" in told.value.message
    assert "heft serve" in told.value.hint and not unit.unit_path().exists()


def test_without_systemd_it_says_what_to_do(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(places))
    with pytest.raises(HeftError) as told:
        unit.install([])
    assert told.value.kind == "no-systemd" and "at login" in told.value.hint
    assert not unit.unit_path().exists()
