"""The server's key: made once, kept by the keyring, or in a private file where there is none."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import null
from keyring.errors import KeyringLocked
from support.keyrings import MemoryKeyring, memory_keyring

from desktop.core.errors import HeftError, StoreError
from desktop.services.serve.key import ServeKey


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


def test_it_is_made_once_and_the_keyring_holds_it(ring: MemoryKeyring, tmp_path: Path) -> None:
    key = ServeKey(tmp_path / "heft")
    first = key.get()
    assert first.startswith("heft-") and len(first) >= 30
    assert key.get() == ServeKey(tmp_path / "heft").get() == first
    assert key.place == "keyring" and list(ring.kept.values()) == [first] and not key.file.exists()
    assert ServeKey(tmp_path / "other").get() != first  # another Heft folder is another server


def test_a_new_one_replaces_it(ring: MemoryKeyring, tmp_path: Path) -> None:
    key = ServeKey(tmp_path)
    first = key.get()
    second = key.new()
    assert second != first and key.get() == second and list(ring.kept.values()) == [second]


@pytest.mark.parametrize("kind", ["none", "null"])
def test_without_a_keyring_a_file_that_only_the_user_reads_holds_it(
    ring: MemoryKeyring, tmp_path: Path, kind: str
) -> None:
    if kind == "none":
        ring.missing = True
    else:
        keyring.set_keyring(null.Keyring())  # type: ignore[no-untyped-call]
    key = ServeKey(tmp_path)
    first = key.get()
    assert key.place == "file" and key.file.read_text() == f"{first}\n"
    assert stat.S_IMODE(key.file.stat().st_mode) == 0o600
    assert ServeKey(tmp_path).get() == first


def test_the_file_goes_once_a_keyring_holds_the_key(ring: MemoryKeyring, tmp_path: Path) -> None:
    ring.missing = True
    key = ServeKey(tmp_path)
    first = key.get()
    ring.missing = False
    assert key.get() == first, "clients have this one"
    second = key.new()
    assert not key.file.exists() and key.place == "keyring" and key.get() == second


def test_a_locked_keyring_is_told_and_no_other_key_is_made(
    ring: MemoryKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(service: str, name: str) -> str:
        raise KeyringLocked("locked")

    monkeypatch.setattr(ring, "get_password", locked)
    with pytest.raises(HeftError) as told:
        ServeKey(tmp_path).get()
    assert told.value.kind == "no-keyring" and "Unlock" in told.value.hint
    assert not (tmp_path / "serve-key").exists()


def test_a_file_that_cannot_be_read_or_written_is_told(ring: MemoryKeyring, tmp_path: Path) -> None:
    ring.missing = True
    (tmp_path / "serve-key").mkdir()
    for ask in (ServeKey(tmp_path).get, ServeKey(tmp_path).new):
        with pytest.raises(StoreError):
            ask()
