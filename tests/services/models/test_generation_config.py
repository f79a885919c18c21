"""How the repository of a download recommends to sample it, kept with the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.downloading import WAIT
from support.hub_server import BytesContent, HubServer, Repo

from desktop.services.models.downloads import DownloadService
from desktop.store.fetched import FetchedStore
from desktop.store.paths import Paths

FILE = "m-Q4_K_M.gguf"
REPO, BASE = "owner/model-GGUF", "maker/model"
RECOMMENDED = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "eos_token_id": 2}


def repo_of(name: str, config: bytes | None, **fields: Any) -> Repo:
    files = {FILE: BytesContent(b"GGUF" + bytes(500))}
    if config is not None:
        files["generation_config.json"] = BytesContent(config)
    return Repo(name, dict(files), fields)


@pytest.fixture
def fetched(service: DownloadService, paths: Paths) -> Callable[[], dict[str, Any]]:
    """Download the file; what is remembered of how it is sampled."""

    def download() -> dict[str, Any]:
        state = service.wait(service.start(REPO, [FILE], name="Q4_K_M"), WAIT)
        assert state.phase == "finished"
        assert isinstance(state.files[0].local, Path)
        return FetchedStore(paths.fetched).sampling_of(state.files[0].local)

    return download


def test_what_the_repo_recommends_is_kept_with_the_file(hub: HubServer, fetched: Callable[[], dict[str, Any]]) -> None:
    hub.add(repo_of(REPO, json.dumps(RECOMMENDED).encode()))
    assert fetched() == {"temperature": 0.6, "top_k": 20, "top_p": 0.95}


def test_else_what_its_base_model_recommends(hub: HubServer, fetched: Callable[[], dict[str, Any]]) -> None:
    hub.add(repo_of(REPO, None, tags=[f"base_model:{BASE}", f"base_model:quantized:{BASE}"]))
    hub.add(repo_of(BASE, json.dumps(RECOMMENDED).encode()))
    assert fetched() == {"temperature": 0.6, "top_k": 20, "top_p": 0.95}


@pytest.mark.parametrize(
    "config", [None, b"", b"{", b"[]", b'{"temperature": NaN}', b'{"temperature": 1e30, "top_k": "x"}', bytes(1 << 19)]
)
def test_a_file_that_says_nothing_keeps_no_download_from_its_end(
    hub: HubServer, fetched: Callable[[], dict[str, Any]], config: bytes | None
) -> None:
    hub.add(repo_of(REPO, config, tags=["base_model:quantized:nobody/gone"]))
    assert fetched() == {}


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "stall"}, {"kind": "cut"}])
def test_nor_does_a_hub_that_does_not_give_it(
    hub: HubServer, fetched: Callable[[], dict[str, Any]], fault: dict[str, Any]
) -> None:
    hub.add(repo_of(REPO, json.dumps(RECOMMENDED).encode()))
    hub.fail(path="generation_config.json", times=9, **fault)
    assert fetched() == {}
