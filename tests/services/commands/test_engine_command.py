"""``heft engine``: says what runs models, and builds it where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.building import FakePip, without_server

from desktop.cli import main
from desktop.engine.server.program import engine_version
from desktop.store.paths import Paths

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def pip(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    without_server(tmp_path, monkeypatch)
    return FakePip(tmp_path / "pip", monkeypatch)


def test_it_says_what_is_installed(paths: Paths, capsys: Capture) -> None:
    assert main(["engine"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"llama-cpp-python {engine_version()}, llama.cpp's server installed with it: /")


def test_it_says_what_is_missing_and_how_long_a_build_takes(pip: FakePip, capsys: Capture) -> None:
    assert main(["engine"]) == 0
    out = capsys.readouterr().out
    assert "without llama.cpp's server" in out and "heft engine build. It takes about" in out
    assert main(["engine", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["server"], document["source"], document["built"]) == (None, None, False)
    assert document["expected_seconds"] > 0
    assert pip.asked == []


def test_it_builds_once_and_says_the_time_before(pip: FakePip, paths: Paths, capsys: Capture) -> None:
    assert main(["engine", "build", "--json"]) == 0
    out, told = capsys.readouterr()
    document = json.loads(out)
    assert document["built"] and document["source"] == "built" and document["seconds"] > 0
    assert Path(document["server"]).is_relative_to(paths.cache) and document["size_bytes"] > 0
    assert "It takes about" in told
    assert main(["engine", "build"]) == 0
    out, told = capsys.readouterr()
    assert "server built by Heft: " in out and told == ""
    assert len(pip.asked) == 2


def test_a_failure_has_a_kind_and_the_place_of_the_log(pip: FakePip, capsys: Capture) -> None:
    pip.mood("bad compiler")
    assert main(["engine", "build", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "build-failed" and "build.log" in error["hint"]


def test_the_hint_of_a_command_without_an_engine_leads_here(pip: FakePip, starter_model: Path, capsys: Capture) -> None:
    assert main(["run", str(starter_model), "--prompt", "Hi", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "no-server" and "heft engine build" in error["hint"]
