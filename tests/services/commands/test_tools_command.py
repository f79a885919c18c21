"""``heft tools`` through the real command line, with a scripted server."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.tool_server import __file__ as program

from desktop.cli.main import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEFT_HOME", str(tmp_path / "heft"))
    return tmp_path / "heft"


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["tools", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def _add(capsys: pytest.CaptureFixture[str], *options: str, ways: tuple[str, ...] = ()) -> None:
    assert main(["tools", "add", "files", *options, "--run", sys.executable, str(Path(program).resolve()), *ways]) == 0
    capsys.readouterr()


def test_none_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert _json(capsys) == (0, {"servers": []})
    assert main(["tools"]) == 0
    assert "Add one: heft tools add" in capsys.readouterr().out


def test_one_is_added_off_switched_on_tried_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    _add(capsys)
    _, found = _json(capsys)
    (server,) = found["servers"]
    assert (server["name"], server["on"], server["state"], server["tools"]) == ("files", False, "off", [])
    code, found = _json(capsys, "try", "files")
    (server,) = found["servers"]
    assert (code, server["state"]) == (0, "ready")
    assert "add" in [tool["name"] for tool in server["tools"]]
    assert main(["tools", "on", "files"]) == 0
    assert "files is on." in capsys.readouterr().err
    assert main(["tools", "remove", "files", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"servers": []}


def test_a_tool_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    _add(capsys)
    assert main(["tools", "try", "files", "add", "--arguments", '{"a": 20, "b": 3}']) == 0
    assert capsys.readouterr().out.strip() == "23"
    assert main(["tools", "try", "files", "fail"]) == 1
    assert "the disk said no" in capsys.readouterr().out


def test_values_are_kept_apart_and_never_told(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("very-secret-value\n"))
    _add(capsys, "--env", "API_KEY")
    kept = (home / "mcp.json").read_text()
    assert "API_KEY" in kept
    assert "very-secret-value" not in kept
    (file,) = (home / "tool-keys").iterdir()
    assert "very-secret-value" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    _, found = _json(capsys)
    assert found["servers"][0]["given"] == ["API_KEY"]
    assert main(["tools", "try", "files", "environment"]) == 0
    assert json.loads(capsys.readouterr().out)["API_KEY"] == "very-secret-value"


def test_a_file_of_another_program_is_imported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    listed = {"mcpServers": {"a": {"command": "npx", "args": ["x"]}, "b": {"url": "https://example.com/mcp"}}}
    (tmp_path / "theirs.json").write_text(json.dumps(listed))
    assert main(["tools", "import", str(tmp_path / "theirs.json")]) == 0
    capsys.readouterr()
    _, found = _json(capsys)
    servers = {server["name"]: server for server in found["servers"]}
    assert {name: (server["transport"], server["on"]) for name, server in servers.items()} == {
        "a": ("stdio", False),
        "b": ("http", False),
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["on"], "Say which: heft tools on NAME"),
        (["on", "nobody"], "There is no server of tools called nobody."),
        (["add", "files"], "Say how it is reached."),
        (["remove", "a", "b"], "'b' is one word too many."),
        (["import", "/nowhere.json"], "nowhere.json cannot be read."),
    ],
)
def test_what_cannot_be_done_is_said(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["tools", *words]) != 0
    assert said in capsys.readouterr().err
