"""packaging/freeze.py and the web page: built beside the engine, and said where there is no node."""

from __future__ import annotations

from pathlib import Path

import freeze
import pytest


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the engine of the environment that is frozen lies."""
    made = tmp_path / "environment" / "lib" / "llama_cpp" / "lib"
    made.mkdir(parents=True)
    monkeypatch.setattr(freeze, "ENVIRONMENT", tmp_path / "environment")
    return made


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    steps: list[tuple[str, ...]] = []
    monkeypatch.setattr(freeze, "run", lambda *command: steps.append(tuple(str(word) for word in command)))
    return steps


def test_it_is_built_once_beside_the_engine(
    library: Path, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    freeze.build_page()
    assert [step[1:] for step in ran] == [("packaging/build_web_page.py", "--into", str(library / "web-page"))]
    (library / "web-page").mkdir()
    (library / "web-page" / "index.html").touch()
    freeze.build_page()
    assert len(ran) == 1


def test_without_node_the_package_does_without_and_says_so(
    library: Path, ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    freeze.build_page()
    assert not ran and "without llama.cpp's web page" in capsys.readouterr().err
