"""Which variants of a repo are on this computer already: only what is certainly the Hub's counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.core.variants import Variant, variants_of
from desktop.hub.records import RepoFile
from desktop.services.models.local_copies import LocalCopies

REPO = "owner/model-GGUF"
DATA = b"GGUF" + bytes(100)
SHA = hashlib.sha256(DATA).hexdigest()

Find = Callable[[Variant], Path | None]


def variant(*names: str) -> Variant:
    files = [RepoFile(name, len(DATA), SHA) for name in names]
    (found,) = variants_of(files)
    return found


@pytest.fixture
def copies(tmp_path: Path) -> LocalCopies:
    environ = {"OLLAMA_MODELS": str(tmp_path / "ollama")}
    return LocalCopies(lambda: tmp_path / "hub", environ=environ, home=tmp_path)


@pytest.fixture
def find(copies: LocalCopies) -> Find:
    return lambda wanted: copies.path_of(REPO, wanted)


def cached(tmp_path: Path, name: str, blob: str = SHA, data: bytes = DATA, commit: str = "c" * 40) -> Path:
    """A file as huggingface_hub keeps it."""
    root = tmp_path / "hub" / "models--owner--model-GGUF"
    stored = root / "blobs" / blob
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(data)
    link = root / "snapshots" / commit / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(stored)
    return link


def written(path: Path, data: bytes = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_nothing_is_here(find: Find) -> None:
    assert find(variant("m-Q4_K_M.gguf")) is None


def test_the_cache_names_bytes_by_their_checksum(tmp_path: Path, find: Find) -> None:
    old = cached(tmp_path, "m-Q4_K_M.gguf", blob="0" * 64, commit="a" * 40)
    assert find(variant("m-Q4_K_M.gguf")) is None, "the Hub has another file of that name by now"
    assert old.is_symlink()
    new = cached(tmp_path, "m-Q4_K_M.gguf")
    assert find(variant("m-Q4_K_M.gguf")) == new


def test_a_file_cut_off_does_not_count(tmp_path: Path, find: Find) -> None:
    cached(tmp_path, "m-Q4_K_M.gguf", data=DATA[:-1])
    written(tmp_path / ".lmstudio" / "models" / REPO / "m-Q4_K_M.gguf", DATA[:-1])
    assert find(variant("m-Q4_K_M.gguf")) is None


def test_all_shards_have_to_be_there(tmp_path: Path, find: Find) -> None:
    names = ("q/m-Q8_0-00001-of-00002.gguf", "q/m-Q8_0-00002-of-00002.gguf")
    first = cached(tmp_path, names[0])
    assert find(variant(*names)) is None
    cached(tmp_path, names[1])
    assert find(variant(*names)) == first


def test_a_variant_is_here_with_its_companions_and_without(tmp_path: Path, copies: LocalCopies) -> None:
    """A projector was fetched along, and a model without it was offered for download again."""
    wanted = variant("m-Q4_K_M.gguf", "mmproj-m-F16.gguf", "mmproj-m-F32.gguf", "mtp-m.gguf")
    assert [companion.kind for companion in wanted.companions] == ["projector", "draft"]
    model = cached(tmp_path, "m-Q4_K_M.gguf")
    assert copies.path_of(REPO, wanted) == model and copies.companions_of(REPO, [wanted]) == [frozenset()]
    cached(tmp_path, "mtp-m.gguf")
    assert copies.companions_of(REPO, [wanted]) == [{"draft"}]
    cached(tmp_path, "mmproj-m-F32.gguf")  # any of several will do
    assert copies.companions_of(REPO, [wanted, variant("m-Q4_K_M.gguf")]) == [{"projector", "draft"}, frozenset()]
    model.unlink()
    assert copies.path_of(REPO, wanted) is None
    assert copies.companions_of(REPO, [wanted]) == [{"projector", "draft"}]


def test_joined_parts(tmp_path: Path, find: Find) -> None:
    names = ("m.Q8_0.gguf.part1of2", "m.Q8_0.gguf.part2of2")
    cached(tmp_path, names[0])
    assert find(variant(*names)) is None
    joined = tmp_path / "hub" / "models--owner--model-GGUF" / "snapshots" / ("c" * 40) / "m.Q8_0.gguf"
    written(joined, DATA * 2)
    assert find(variant(*names)) == joined


def test_other_programs_folders(tmp_path: Path, find: Find) -> None:
    blob = written(tmp_path / "ollama" / "blobs" / f"sha256-{SHA}")
    assert find(variant("m-Q4_K_M.gguf")) == blob
    mine = written(tmp_path / ".lmstudio" / "models" / REPO / "m-Q4_K_M.gguf")
    assert find(variant("m-Q4_K_M.gguf")) == mine


def test_a_path_that_leads_elsewhere_is_nowhere(tmp_path: Path, find: Find) -> None:
    written(tmp_path / "m-Q4_K_M.gguf")
    outside = "../" * 6 + str(tmp_path).lstrip("/") + "/m-Q4_K_M.gguf"
    (tmp_path / "hub" / "models--owner--model-GGUF" / "snapshots" / ("c" * 40)).mkdir(parents=True)
    assert find(variant(outside)) is None
