"""A command that meets what nobody foresaw ends in words and with the code of a failure, never with a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.cli import config, main


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run(_args: object) -> int:
        raise error

    monkeypatch.setattr(config, "run", run)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_memory_that_runs_out_anywhere(
    error: Exception, heft_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, error)
    assert main(["config", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)["error"]
    assert said["kind"] == "out-of-memory"
    assert said["message"] == "There is not enough memory left for Heft itself." and said["hint"]


@pytest.mark.errors_logged
def test_a_mistake_of_hefts_own(
    heft_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, KeyError("nothing"))
    assert main(["config"]) == 1
    told = capsys.readouterr()
    assert told.out == "" and "Traceback" not in told.err
    assert told.err.startswith("heft: Heft made a mistake: KeyError: 'nothing'\n") and "heft.log" in told.err
    assert "KeyError" in next(heft_home.rglob("heft.log")).read_text()
