"""Other servers as they are kept: name, address and what they offered, never a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.errors import StoreError
from desktop.store.endpoints import EndpointStore, SavedEndpoint

STUDIO = SavedEndpoint("studio", "http://studio.local:8080/v1", ("a", "b"))


def test_what_is_kept_is_there_again_for_another_process(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.json"
    store = EndpointStore(file)
    assert store.all() == ()
    store.change(lambda known: (*known, STUDIO))
    assert EndpointStore(file).all() == (STUDIO,)
    EndpointStore(file).change(lambda known: ())
    assert store.all() == ()


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.json"
    EndpointStore(file).change(lambda known: known)
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"endpoints": 3}', b'{"version": 9}'])
def test_a_file_that_nobody_understands_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "endpoints.json"
    file.write_bytes(content)
    store = EndpointStore(file)
    assert store.all() == ()
    store.change(lambda known: (*known, STUDIO))
    assert store.all() == (STUDIO,)


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "nothing"
    file.write_text("a file where a folder should be")
    with pytest.raises(StoreError) as refused:
        EndpointStore(file / "endpoints.json").change(lambda known: (STUDIO,))
    assert str(file) in refused.value.hint
