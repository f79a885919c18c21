"""``heft report`` and ``--log-level``, as a person types them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from desktop.cli import main
from desktop.store.paths import Paths


def _heft(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "desktop", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


@pytest.mark.engine
def test_the_report_is_one_file_in_the_folder_that_was_named(paths: Paths, tmp_path: Path) -> None:
    done = _heft("report", "--to", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "out").iterdir()
    assert json.loads(done.stdout) == {"path": str(made)}
    with zipfile.ZipFile(made) as archive:
        assert {"versions.json", "machine.json", "settings.json"} <= set(archive.namelist())
        machine = json.loads(archive.read("machine.json"))
        assert machine["cpu"] and json.loads(archive.read("versions.json"))["engine"]["version"]


@pytest.mark.parametrize("arguments", [("--log-level", "debug", "library"), ("library", "--log-level=debug")])
def test_a_log_is_written_to_standard_error_and_the_file(arguments: tuple[str, ...], paths: Paths) -> None:
    done = _heft(*arguments, "--json")
    assert done.returncode == 0 and "models" in json.loads(done.stdout)
    written = (paths.logs / "heft.log").read_text()
    for text in (done.stderr, written):
        assert "DEBUG desktop.cli.main: heft" in text and "INFO desktop.services.models.library" in text


def test_the_environment_asks_for_a_category(paths: Paths) -> None:
    done = _heft("library", HEFT_LOG_LEVEL="error,models=info")
    assert "INFO desktop.services.models.library" in done.stderr and "desktop.cli" not in done.stderr


def test_without_asking_standard_error_is_silent(paths: Paths) -> None:
    assert _heft("library").stderr == ""


def test_a_level_that_is_none_is_said(capsys: pytest.CaptureFixture[str], paths: Paths) -> None:
    assert main(["library", "--log-level", "hub=loud"]) == 2
    told = capsys.readouterr().err
    assert "'loud' is neither a log level" in told and "hub=debug,engine=info" in told
    assert not logging.getLogger("desktop").handlers
