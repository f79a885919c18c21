"""The zip of ChatGPT: its conversations are read, and a hostile or broken one is refused in words."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from desktop.core.errors import HeftError
from desktop.services.chat import chat_archive, chat_imports
from desktop.services.chat.chat_imports import read_chats

CHAT = json.dumps({"title": "Tides", "messages": [{"role": "user", "content": "Why?"}]})


def zipped(folder: Path, files: dict[str, str], name: str = "export.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


def refused(path: Path) -> str:
    with pytest.raises(HeftError) as caught:
        read_chats(path)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", ["conversations.json", "ChatGPT/conversations.json"])
def test_the_conversations_of_a_zip_are_read_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path, {"chat.html": "x", "../../evil.json": CHAT, name: CHAT, "user.json": "{"}, "A.ZIP")
    assert [chat.title for chat in read_chats(path)] == ["Tides"]
    assert [found.name for found in tmp_path.iterdir()] == ["A.ZIP"]


def test_a_zip_without_conversations_says_so(tmp_path: Path) -> None:
    assert refused(zipped(tmp_path, {"a.txt": "x"})) == "export.zip holds no conversations.json."
    two = {"a/conversations.json": CHAT, "b/conversations.json": CHAT}
    assert refused(zipped(tmp_path, two)) == "export.zip holds more than one conversations.json."


def test_a_bomb_is_refused_whatever_size_it_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_imports, "MOST_BYTES", 1_000_000)
    path = zipped(tmp_path, {"conversations.json": " " * 3_000_000})
    assert path.stat().st_size < 10_000
    assert refused(path) == "conversations.json in export.zip is larger than 1 MB."


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path, {"conversations.json": CHAT, "b": "", "c": ""})
    monkeypatch.setattr(chat_archive, "MOST_FILES", 2)
    assert refused(path) == "export.zip holds more files than Heft looks through."


def test_a_list_of_files_that_is_too_long_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path, {"conversations.json": CHAT})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, len(data) - 22 + 12, 1 << 31)
    path.write_bytes(data)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert refused(path) == "export.zip holds more files than Heft looks through."


def test_a_locked_one_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"conversations.json": CHAT})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    assert refused(path) == "export.zip is locked with a password."


@pytest.mark.parametrize("cut", [0, 3, 40, -8])
def test_a_damaged_one_is_refused(tmp_path: Path, cut: int) -> None:
    path = zipped(tmp_path, {"conversations.json": CHAT})
    path.write_bytes(path.read_bytes()[:cut])
    assert refused(path) == "export.zip is damaged, or no zip."


def test_damaged_contents_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"conversations.json": CHAT})
    data = bytearray(path.read_bytes())
    data[55:60] = b"\xff" * 5
    path.write_bytes(data)
    assert refused(path) == "export.zip is damaged, or no zip."
