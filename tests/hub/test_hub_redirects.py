"""Renamed repos, mirrors that send elsewhere, endpoints with a path: where requests go, and the token does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import BytesContent, HubServer, Repo

from desktop.core.errors import HeftError
from desktop.hub.client import HubClient
from desktop.hub.records import SearchQuery
from desktop.hub.search import HubSearch

TOKEN = "hf_abcdefgh"
DATA = b"GGUF" * 900


def repos(count: int = 1) -> list[Repo]:
    fields = {"tags": ["gguf"]}
    return [
        Repo(f"new/name-{n}", {"m-Q8_0.gguf": BytesContent(DATA), "README.md": BytesContent(b"# M")}, fields)
        for n in range(count)
    ]


@pytest.fixture(params=["", "/hf/models"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubServer]:
    with HubServer(repos(), prefix=request.param) as server:
        server.tokens[TOKEN] = set()
        yield server


def client_of(server: HubServer) -> HubClient:
    return HubClient(endpoint=server.endpoint, token=lambda: TOKEN, connect_seconds=30.0, read_seconds=30.0)


def whole(client: HubClient, repo: str, path: str = "m-Q8_0.gguf") -> bytes:
    with client.opened(repo, path) as (file, response):
        assert response is not None and file.size == len(DATA) and file.commit
        return response.read()


def test_a_renamed_repo_is_found_under_its_old_name(hub: HubServer, tmp_path: Path) -> None:
    hub.renamed["old/name"] = "new/name-0"
    client = client_of(hub)
    listed = HubSearch(client, tmp_path).files("old/name")
    assert listed.id == "new/name-0" and listed.commit
    assert {file.path: file.size_bytes for file in listed.files} == {"m-Q8_0.gguf": 3600, "README.md": 3}
    assert whole(client, "old/name") == DATA
    assert all(
        exchange.headers.get("Authorization") for exchange in hub.requests("name") if "/cdn/" not in exchange.path
    )


def test_a_redirect_without_the_question_keeps_it(hub: HubServer, tmp_path: Path) -> None:
    hub.fail("redirect", "/api/models/old", status=307, location="/api/models/new/name-0")
    listed = HubSearch(client_of(hub), tmp_path).files("old/name")
    assert [file.size_bytes for file in listed.files] == [3600, 3]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_mirror_sends_to_another_host_without_the_token(hub: HubServer, tmp_path: Path, status: int) -> None:
    with HubServer() as mirror:
        mirror.fail("redirect", "", times=9, status=status, location=hub.endpoint + "{}")
        client = client_of(mirror)
        assert HubSearch(client, tmp_path).files("new/name-0").files
        assert HubSearch(client, tmp_path).first_page(SearchQuery()).repos
        assert whole(client, "new/name-0") == DATA
        assert hub.exchanges and not any("Authorization" in exchange.headers for exchange in hub.exchanges)
        assert all(exchange.headers["Authorization"] for exchange in mirror.exchanges)


def test_the_next_page_may_be_on_another_host(hub: HubServer, tmp_path: Path) -> None:
    for repo in repos(51):
        hub.add(repo)
    with HubServer(repos(51)) as mirror:
        mirror.tokens[TOKEN] = set()
        mirror.next_endpoint = hub.endpoint
        found = list(HubSearch(client_of(mirror), tmp_path).results(SearchQuery(), 100))
        assert len(found) == 51 and len({repo.id for repo in found}) == 51
        assert hub.exchanges and not any("Authorization" in exchange.headers for exchange in hub.exchanges)


def test_the_next_page_may_be_named_from_the_root(tmp_path: Path) -> None:
    with HubServer(repos(51), prefix="/hf") as hub:
        hub.next_endpoint = ""
        hub.tokens[TOKEN] = set()
        client = client_of(hub)
        _, following = client.json("/api/models?limit=30")
        assert following.startswith(f"{hub.endpoint}/api/models?")
        assert len(list(HubSearch(client, tmp_path).results(SearchQuery(), 100))) == 51


def test_facts_that_are_wrong_do_not_fail_the_repo(hub: HubServer, tmp_path: Path) -> None:
    hub.repos["new/name-0"].fields |= {"config": ["not", "an", "object"], "gguf": {"total": "many"}}
    listed = HubSearch(client_of(hub), tmp_path).files("new/name-0")
    assert listed.summary.parameters is None and listed.files[0].size_bytes == 3600


def test_a_redirect_to_no_address_is_said(hub: HubServer) -> None:
    hub.fail("redirect", "new/name-0", times=2, status=307, location="http://[nowhere/m")
    for ask in (lambda: client_of(hub).json("/api/models/new/name-0"), lambda: whole(client_of(hub), "new/name-0")):
        with pytest.raises(HeftError) as caught:
            ask()
        assert caught.value.kind == "bad-answer"


def test_a_circle_is_said(hub: HubServer) -> None:
    hub.fail("redirect-loop", "/api/models", times=20)
    with pytest.raises(HeftError) as caught:
        client_of(hub).json("/api/models/new/name-0")
    assert caught.value.kind == "redirects"


def heft(hub: HubServer, home: Path, *arguments: str) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True, text=True, cwd=home,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_commands_take_an_old_name(hub: HubServer, heft_home: Path, tmp_path: Path) -> None:
    hub.renamed["old/name"] = "new/name-0"
    code, document = heft(hub, heft_home, "download", "old/name", "Q8_0", "--to", str(tmp_path / "to"))
    assert code == 0, document
    assert (tmp_path / "to" / "m-Q8_0.gguf").read_bytes() == DATA


@pytest.mark.parametrize("name", ["README.md", "config.json"])
@pytest.mark.parametrize(
    ("fault", "details"),
    [("status", {"status": 500}), ("status", {"status": 404}), ("redirect-loop", {}), ("cut", {"after": 1})],
)
def test_a_file_that_fails_does_not_fail_the_repo(
    hub: HubServer, heft_home: Path, name: str, fault: str, details: dict[str, int]
) -> None:
    files = {
        "README.md": BytesContent(b"---\nlicense: mit\n---\n# M"),
        "config.json": BytesContent(b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'),
        "model.safetensors": BytesContent(b"\x02\0\0\0\0\0\0\0{}"),
    }
    hub.add(Repo("new/weights", dict(files), {}))
    hub.fail(fault, f"/{name}", times=20, **details)
    code, document = heft(hub, heft_home, "inspect", "hf:new/weights")
    assert code == 0, document
    said = [finding["message"] for finding in document["problems"]]
    assert f"{name} could not be read." in said, document
