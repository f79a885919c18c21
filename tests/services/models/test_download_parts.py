"""Files that come in parts (``x.gguf.part1of3``) are joined as they arrive, and no part is kept twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.downloading import WAIT, heard_until
from support.hub_server import BytesContent, HubServer, Repo

from desktop.services.models.downloads import DownloadService

MODEL = random.Random(1).randbytes(3_000_000)
OTHER = random.Random(2).randbytes(3_000_000)
COMMIT = "a" * 40
PARTS = {f"big.Q8_0.gguf.part{number}of3": MODEL[(number - 1) * 1_000_000 : number * 1_000_000] for number in (1, 2, 3)}


@pytest.fixture
def in_parts(hub: HubServer) -> list[str]:
    hub.add(Repo("owner/parts", {name: BytesContent(data) for name, data in PARTS.items()}, commit=COMMIT))
    return list(PARTS)


@pytest.mark.parametrize("where", ["cache", "folder"])
def test_parts_are_joined(
    where: str, hub: HubServer, in_parts: list[str], make: Callable[..., DownloadService], tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "to" if where == "folder" else None
    service = make()
    state = service.wait(service.start("owner/parts", in_parts, name="x", folder=folder), WAIT)
    assert (state.phase, state.message) == ("finished", "")
    joined = state.files[0].local
    assert joined is not None and joined.name == "big.Q8_0.gguf" and joined.read_bytes() == MODEL
    assert [file.local for file in state.files] == [joined] * 3 and all(file.verified for file in state.files)
    kept = [path.name for path in (folder or cache / "models--owner--parts").rglob("*") if path.is_file()]
    assert sorted(kept) == (["big.Q8_0.gguf"] if folder else ["big.Q8_0.gguf", "main"])  # no part is kept twice

    hub.exchanges.clear()
    again = make()
    state = again.wait(again.start("owner/parts", in_parts, name="x", folder=folder), WAIT)
    assert state.phase == "finished" and hub.sent_bytes("/cdn/") == 0
    assert state.resumed_bytes == len(MODEL) and state.files[0].local == joined


def test_joining_goes_on_where_it_was_left(
    hub: HubServer, in_parts: list[str], make: Callable[..., DownloadService], cache: Path
) -> None:
    hub.bytes_per_second = 2_000_000
    first = make()
    third = heard_until(first, lambda state: state.phase == "downloading" and state.done_bytes > 2_200_000)
    download = first.start("owner/parts", in_parts, name="x")
    assert third.wait(WAIT)
    first.close()
    hub.bytes_per_second = None
    before = hub.sent_bytes("/cdn/")
    second = make()
    second.restore()
    state = second.wait(download, WAIT)
    assert state.phase == "finished"
    assert state.files[0].local is not None and state.files[0].local.read_bytes() == MODEL
    assert hub.sent_bytes("/cdn/") - before <= 800_000


def test_a_changed_part_is_joined_anew(
    hub: HubServer, in_parts: list[str], make: Callable[..., DownloadService], cache: Path
) -> None:
    first = make()
    first.wait(first.start("owner/parts", in_parts, name="x"), WAIT)
    changed = dict(PARTS) | {in_parts[1]: OTHER[:1_000_000]}
    hub.add(Repo("owner/parts", {name: BytesContent(data) for name, data in changed.items()}, commit=COMMIT))
    second = make()
    state = second.wait(second.start("owner/parts", in_parts, name="x"), WAIT)
    assert state.phase == "finished" and state.files[0].local is not None
    assert state.files[0].local.read_bytes() == b"".join(changed.values())


def test_bytes_behind_the_last_part_are_not_kept(in_parts: list[str], make: Callable[..., DownloadService]) -> None:
    first = make()
    joined = first.wait(first.start("owner/parts", in_parts, name="x"), WAIT).files[0].local
    assert joined is not None
    with joined.open("ab") as file:
        file.write(b"more")
    second = make()
    state = second.wait(second.start("owner/parts", in_parts, name="x"), WAIT)
    assert state.phase == "finished" and joined.read_bytes() == MODEL


def test_another_file_in_the_way_of_a_joined_one_is_left_alone(
    in_parts: list[str], service: DownloadService, tmp_path: Path
) -> None:
    (tmp_path / "big.Q8_0.gguf").write_bytes(b"mine")
    state = service.wait(service.start("owner/parts", in_parts, name="x", folder=tmp_path), WAIT)
    assert (state.phase, state.kind) == ("failed", "file-exists")
    assert (tmp_path / "big.Q8_0.gguf").read_bytes() == b"mine"


def test_a_cancelled_joining_leaves_nothing(
    hub: HubServer, in_parts: list[str], service: DownloadService, tmp_path: Path
) -> None:
    hub.bytes_per_second = 2_000_000
    second = heard_until(service, lambda state: state.phase == "downloading" and state.done_bytes > 1_200_000)
    download = service.start("owner/parts", in_parts, name="x", folder=tmp_path / "to")
    assert second.wait(WAIT)
    service.cancel(download)
    service.close()
    assert [path.name for path in (tmp_path / "to").rglob("*") if path.is_file()] == []


def test_one_part_alone_is_a_file(in_parts: list[str], service: DownloadService, tmp_path: Path) -> None:
    state = service.wait(service.start("owner/parts", in_parts[:1], name="x", folder=tmp_path), WAIT)
    assert state.files[0].local == tmp_path / in_parts[0] and state.files[0].local.is_file()
