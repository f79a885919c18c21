"""Vectors of documents are remembered by model and text, as many as are to be, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.store.vectors import VectorStore

A, B, C = (bytes([number]) * 32 for number in range(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors.sqlite3"


def test_they_survive_a_restart_and_are_of_one_model(path: Path) -> None:
    store = VectorStore(path)
    store.keep("one", {A: (0.5, -0.25), B: (1.0, 0.0)})
    store.close()
    store = VectorStore(path)
    assert store.known("one", [A, B, C]) == {A: (0.5, -0.25), B: (1.0, 0.0)} and store.known("two", [A]) == {}
    store.close()


def test_what_was_not_used_for_longest_is_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("desktop.store.vectors.time.time", lambda: float(next(clock)))
    store = VectorStore(path, most=2)
    store.keep("m", {A: (1.0,)})
    store.keep("m", {B: (2.0,)})
    assert store.known("m", [A]) == {A: (1.0,)}
    store.keep("m", {C: (3.0,)})
    assert set(store.known("m", [A, B, C])) == {A, C}
    store.close()


def test_thousands_are_asked_for_at_once(path: Path) -> None:
    store = VectorStore(path)
    digests = [number.to_bytes(32, "big") for number in range(2000)]
    store.keep("m", {digest: (float(number),) for number, digest in enumerate(digests)})
    assert list(store.known("m", digests).values()).count((1999.0,)) == 1 and len(store.known("m", digests)) == 2000
    store.close()


def test_a_damaged_file_only_forgets(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    store = VectorStore(path)
    assert store.known("m", [A]) == {}
    store.keep("m", {A: (1.0,)})
    assert store.known("m", [A]) == {A: (1.0,)}
    store.close()
