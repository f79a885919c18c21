"""A file that two downloads want at once: variants of a repo share its projector, other programs the same cache."""

import random
from pathlib import Path

import pytest
from filelock import FileLock
from support.downloading import WAIT, heard_until
from support.hub_server import BytesContent, HubServer, Repo

from desktop.services.models.downloads import DownloadService, DownloadState

PROJECTOR = random.Random(3).randbytes(3_000_000)


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    names = ("m-Q4_K_M.gguf", "m-Q8_0.gguf")
    files = {name: BytesContent(random.Random(name).randbytes(100_000)) for name in names}
    return hub.add(Repo("owner/model", {"mmproj-F16.gguf": BytesContent(PROJECTOR), **files}))


def waits_for_another(state: DownloadState) -> bool:
    return state.phase == "waiting" and "mmproj-F16.gguf is being downloaded already" in state.message


def test_two_variants_with_one_projector_fetch_it_once(hub: HubServer, repo: Repo, service: DownloadService) -> None:
    hub.bytes_per_second = 3_000_000
    waited = heard_until(service, waits_for_another)
    first = service.start("owner/model", ["mmproj-F16.gguf", "m-Q4_K_M.gguf"], name="Q4_K_M")
    second = service.start("owner/model", ["mmproj-F16.gguf", "m-Q8_0.gguf"], name="Q8_0")
    states = [service.wait(download, WAIT) for download in (first, second)]
    assert [(state.phase, state.message) for state in states] == [("finished", "")] * 2
    assert waited.is_set()
    assert hub.sent_bytes("/cdn/") == len(PROJECTOR) + 2 * 100_000
    assert sorted(state.resumed_bytes for state in states) == [0, len(PROJECTOR)]


def test_it_can_be_paused_while_another_program_fetches_the_file(
    repo: Repo, service: DownloadService, cache: Path
) -> None:
    lock = cache / ".locks" / "models--owner--model" / f"{BytesContent(PROJECTOR).sha256}.lock"
    lock.parent.mkdir(parents=True)
    waits = heard_until(service, waits_for_another)
    with FileLock(lock, timeout=WAIT):
        download = service.start("owner/model", ["mmproj-F16.gguf"], name="x")
        assert waits.wait(WAIT)
        service.pause(download)
        assert service.wait(download, WAIT).phase == "paused"
    service.resume(download)
    assert service.wait(download, WAIT).phase == "finished"
