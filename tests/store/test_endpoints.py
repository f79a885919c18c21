"""Other servers and computers as they are kept: name, address and what was seen of them, never a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.errors import StoreError
from desktop.store.endpoints import EndpointStore, SavedEndpoint
from desktop.store.workers import SavedWorker, WorkerStore

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


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    endpoints, workers = tmp_path / "endpoints.json", tmp_path / "workers.json"
    endpoints.write_text('{"endpoints": [{"name": "a", "url": "http://a/v1"}]}')
    known = '{"name": "b", "host": "b", "port": 7, "fingerprint": "f", "link": null}'
    workers.write_text(f'{{"version": 1, "workers": [{known}]}}')
    assert EndpointStore(endpoints).all() == (SavedEndpoint("a", "http://a/v1"),)
    assert WorkerStore(workers).all() == (SavedWorker("b", "b", 7, "f"),)


def test_a_computer_by_ssh_is_kept_with_how_it_is_started(tmp_path: Path) -> None:
    store = WorkerStore(tmp_path / "workers.json")
    studio = SavedWorker("studio", "studio.local", 0, "ssh me@studio.local", ssh="me@studio.local", heft="~/heft/heft")
    store.change(lambda known: (*known, studio))
    assert WorkerStore(tmp_path / "workers.json").all() == (studio,) and studio.where == "me@studio.local"
