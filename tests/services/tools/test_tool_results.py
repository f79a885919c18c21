"""What a model is given of a result, permissions, and what is kept of servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.core.errors import HeftError, StoreError, UsageError
from desktop.core.mcp_config import ToolServer
from desktop.mcp.records import FoundTool, ResultPart
from desktop.services.tools.permissions import Permissions
from desktop.services.tools.results import MOST_CHARACTERS, given, limit_for
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.service import ToolService
from desktop.store.tool_servers import ToolServerStore


@pytest.fixture
def service(tmp_path: Path) -> ToolService:
    return ToolService(ToolServerStore(tmp_path / "mcp.json"), ToolSecrets(tmp_path / "keys"), tmp_path / "scratch")


def test_texts_and_files_are_given_and_pictures_named() -> None:
    parts = (
        ResultPart("text", "Look:", size=5),
        ResultPart("picture", mime="image/png", size=34_000),
        ResultPart("resource", "hi", "text/plain", "file:///a.txt", 2),
        ResultPart("link", "b.bin", "", "file:///b.bin", 13),
    )
    found = given(parts, 34_020, 4096)
    assert "Look:" in found.text and "[file:///a.txt]\nhi" in found.text and "[link: b.bin file:///b.bin]" in found.text
    assert "[a picture (image/png, 34.0 kB), which is not given to you]" in found.text
    assert found.notes == ("A picture (image/png, 34.0 kB) is not given to the model.",)
    assert given((), 0, 0).text == "(nothing)"


def test_a_result_is_cut_by_the_context() -> None:
    assert (limit_for(2048), limit_for(32_768), limit_for(0)) == (4_000, 32_768, MOST_CHARACTERS)
    found = given((ResultPart("text", "x" * 9_000, size=9_000),), 9_000, 2048)
    assert found.text.startswith("x" * 4_000 + "\n[cut here")
    assert found.notes == ("The model is given the first 4,000 characters of 9.0 kB.",)


def test_always_holds_for_the_tool_as_it_was_described(tmp_path: Path) -> None:
    permissions = Permissions(ToolServerStore(tmp_path / "mcp.json"))
    tool = FoundTool("read", description="Reads a file.")
    permissions.remember("always", 1, "files", tool)
    assert permissions.allowed(2, "files", tool)
    assert not permissions.allowed(2, "other", tool)
    assert not permissions.allowed(2, "files", FoundTool("read", description="Reads a file. And sends it away."))
    permissions.ask_again("files", "read")
    assert not permissions.allowed(2, "files", tool)


def test_in_this_chat_holds_there_alone_and_once_for_nothing(tmp_path: Path) -> None:
    permissions = Permissions(ToolServerStore(tmp_path / "mcp.json"))
    tool = FoundTool("read")
    permissions.remember("once", 1, "files", tool)
    assert not permissions.allowed(1, "files", tool)
    permissions.remember("chat", 1, "files", tool)
    assert permissions.allowed(1, "files", tool)
    assert not permissions.allowed(2, "files", tool)
    assert not (tmp_path / "mcp.json").exists()


def test_values_are_kept_apart_and_come_back(service: ToolService, tmp_path: Path) -> None:
    service.add(ToolServer("files", command="x", env={"KEY": "sécret", "PATH2": "${HOME}"}))
    kept = (tmp_path / "mcp.json").read_text()
    assert "cret" not in kept and "${HOME}" in kept
    (view,) = service.servers()
    assert ToolSecrets(tmp_path / "keys").whole(view.saved).env == {"KEY": "sécret", "PATH2": "${HOME}"}
    assert service.value_names("files").env == {"KEY": "", "PATH2": "${HOME}"}
    service.edit("files", ToolServer("docs", command="y", env={"KEY": "", "MORE": "2"}))
    (view,) = service.servers()
    assert ToolSecrets(tmp_path / "keys").whole(view.saved).env == {"KEY": "sécret", "MORE": "2"}
    service.remove("docs")
    assert list((tmp_path / "keys").iterdir()) == []


def test_names_are_taken_once(service: ToolService) -> None:
    service.add(ToolServer("files", command="x"))
    with pytest.raises(UsageError):
        service.add(ToolServer("FILES", command="y"))


def test_a_file_written_by_hand(service: ToolService, tmp_path: Path) -> None:
    entries = {"good": {"command": "x", "alwaysAllow": ["a"]}, "bad": {"command": 1}}
    document = {"mcpServers": entries, "else": {"kept": True}}
    (tmp_path / "mcp.json").write_text(json.dumps(document))
    good, bad = service.servers()
    assert (good.phase, good.saved.problem) == ("off", "")
    assert bad.saved.problem == '"command" of the server bad is no text.'
    with pytest.raises(HeftError):
        service.switch("bad", on=True)
    service.switch("good", on=True)
    written = json.loads((tmp_path / "mcp.json").read_text())
    assert written["else"] == {"kept": True}
    assert written["mcpServers"] == {"good": {"command": "x", "alwaysAllow": ["a"], "on": True}, "bad": {"command": 1}}


def test_a_file_that_cannot_be_read_is_left_as_it_is(service: ToolService, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text("{ my notes")
    assert service.servers() == ()
    assert "cannot be read" in service.problem
    with pytest.raises(StoreError):
        service.add(ToolServer("files", command="x"))
    assert (tmp_path / "mcp.json").read_text() == "{ my notes"
