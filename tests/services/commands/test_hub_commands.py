"""``heft search`` and ``heft download`` as programs, against the local Hub."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import BytesContent, FileContent, HubServer, Repo

from desktop.core.pools import Pool
from desktop.hub.records import RepoSummary
from desktop.services.discover.search import fit_mark


@pytest.fixture
def hub(starter_model: Path) -> Iterator[HubServer]:
    fields = {
        "tags": ["gguf", "license:apache-2.0", "base_model:quantized:org/Small"],
        "gguf": {"total": 134_515_008, "architecture": "llama", "context_length": 2048},
        "downloads": 5,
        "likes": 3,
        "lastModified": "2026-11-01T10:00:00.000Z",
    }
    files = {
        "Small-Q4_1.gguf": FileContent(starter_model),
        "big/Small-Q8_0-00001-of-00002.gguf": BytesContent(b"GGUF" * 900),
        "big/Small-Q8_0-00002-of-00002.gguf": BytesContent(b"more" * 900),
        "README.md": BytesContent(b"# Small"),
    }
    huge = Repo("org/Huge-GGUF", {"h-Q4_K_M.gguf": BytesContent(b"x")}, {**fields, "gguf": {"total": 10**15}})
    with HubServer([Repo("org/Small-GGUF", dict(files), fields), huge]) as server:
        yield server


def heft(hub: HubServer, heft_home: Path, *arguments: str, **environment: str) -> tuple[int, Any, str]:
    """Exit code, document and stderr of a command with --json."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", **environment},
        capture_output=True, text=True, cwd=heft_home,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_search_that_finds_nothing_says_what_may_have_been_meant(hub: HubServer, heft_home: Path) -> None:
    code, document, told = heft(hub, heft_home, "search", "smal-gguf qwem")
    assert code == 0 and document["repos"] == []
    assert told.startswith("heft: Nothing matches “smal-gguf qwem”. Did you mean: ") and "qwen" in told


def test_a_link_in_place_of_words_or_of_a_name(hub: HubServer, heft_home: Path) -> None:
    link = f"{hub.endpoint}/org/Small-GGUF/tree/main"
    _, document, _ = heft(hub, heft_home, "search", link)
    assert [repo["id"] for repo in document["repos"]] == ["org/Small-GGUF"]
    code, document, _ = heft(hub, heft_home, "download", link, "no-such-variant")
    assert code == 1 and "Small" in document["error"]["message"]


def test_search_as_the_contract_has_it(hub: HubServer, heft_home: Path) -> None:
    code, document, _ = heft(hub, heft_home, "search", "small", "--limit", "5")
    assert code == 0
    (repo,) = document["repos"]
    assert {"id", "author", "downloads", "likes", "updated", "gated", "architecture", "parameters",
            "context_length", "formats", "license"} <= repo.keys()  # fmt: skip
    assert (repo["id"], repo["parameters"], repo["formats"]) == ("org/Small-GGUF", 134_515_008, ["GGUF"])
    _, document, _ = heft(hub, heft_home, "search", "--fits")
    assert [repo["id"] for repo in document["repos"]] == ["org/Small-GGUF"]
    hub.close()
    code, document, told = heft(hub, heft_home, "search", "small", "--limit", "5")
    assert code == 0 and document["stale_since_seconds"] and "cannot be reached" in told
    code, document, _ = heft(hub, heft_home, "search", "something else")
    assert (code, document["error"]["kind"]) == (1, "no-network")


def test_download_by_variant_through_a_cut(hub: HubServer, heft_home: Path, starter_model: Path) -> None:
    hub.fail("cut", "/cdn/", after=40_000_000)
    code, document, _ = heft(hub, heft_home, "download", "org/Small-GGUF", "q4_1")
    assert code == 0
    (file,) = document["files"]
    assert file["verified"] and file["size_bytes"] == starter_model.stat().st_size
    assert Path(file["path"]).samefile(Path(file["path"])) and "snapshots" in file["path"]
    assert hub.sent_bytes("/cdn/") <= file["size_bytes"] * 1.01
    code, document, _ = heft(hub, heft_home, "download", "org/Small-GGUF", "Small-Q4_1.gguf")
    assert document["resumed_bytes"] == file["size_bytes"]


def test_download_of_shards_into_a_folder(hub: HubServer, heft_home: Path, tmp_path: Path) -> None:
    code, document, _ = heft(hub, heft_home, "download", "org/Small-GGUF", "Q8_0", "--to", str(tmp_path / "to"))
    assert code == 0
    assert [Path(file["path"]).name for file in document["files"]] == [
        "Small-Q8_0-00001-of-00002.gguf", "Small-Q8_0-00002-of-00002.gguf",
    ]  # fmt: skip
    assert sorted(path.stat().st_size for path in (tmp_path / "to" / "big").iterdir()) == [3600, 3600]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("download", "org/Small-GGUF", "Q2_K"), "not-found"),
        (("download", "org/None-GGUF", "Q2_K"), "repo-not-found"),
        (("search", "x", "--limit", "0"), "usage"),
    ],
)
def test_refusals(hub: HubServer, heft_home: Path, arguments: tuple[str, ...], kind: str) -> None:
    code, document, _ = heft(hub, heft_home, *arguments)
    assert code == (2 if kind == "usage" else 1)
    assert document["error"]["kind"] == kind and document["error"]["hint"]


@pytest.mark.parametrize(
    ("billions", "gpu", "shared", "expected"),
    [
        (8, 0, False, "cpu"),
        (8, 24, False, "gpu"),
        (30, 8, False, "partial"),
        (70, 8, False, "too-large"),
        (30, 10, True, "too-large"),  # memory of its own it has none
        (0, 8, False, "unknown"),
    ],
)
def test_fit_marks(billions: int, gpu: int, shared: bool, expected: str) -> None:
    pools = [Pool(0, "main memory", 16 * 10**9, 0)]
    if gpu:
        pools.append(Pool(1, "GPU", gpu * 10**9, 0, shared))
    repo = RepoSummary(id="a/b", parameters=billions * 10**9, formats=("GGUF",))
    assert fit_mark(repo, pools) == expected
