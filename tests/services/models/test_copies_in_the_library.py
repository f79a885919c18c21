"""A variant whose bytes are anywhere in the library is not offered for download again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.core.variants import Variant, variants_of
from desktop.hub.records import RepoFile
from desktop.services.models import local_copies
from desktop.services.models.library import LibraryService
from desktop.services.models.local_copies import LocalCopies
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

REPO = "owner/model-GGUF"


@pytest.fixture
def library(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")


@pytest.fixture
def copies(library: LibraryService, tmp_path: Path) -> LocalCopies:
    return LocalCopies(lambda: tmp_path / "hub", environ={}, home=tmp_path / "home", library=library.recent)


def on_the_hub(name: str, *files: Path) -> Variant:
    """A variant of a repo with the bytes of these files."""
    (found,) = variants_of(
        RepoFile(name if len(files) == 1 else file.name, file.stat().st_size, _digest(file)) for file in files
    )
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_starter_is_known_as_the_variant_that_it_is(copies: LocalCopies, starter_model: Path) -> None:
    assert copies.path_of(REPO, on_the_hub("SmolLM2-135M-Instruct-Q4_1.gguf", starter_model)) == starter_model


def test_the_same_bytes_in_a_folder_of_the_users(copies: LocalCopies, library: LibraryService, tmp_path: Path) -> None:
    mine = g.model(layers=3).write(tmp_path / "added" / "renamed.gguf")
    library.add_folder(tmp_path / "added")
    wanted = on_the_hub("m-Q4_K_M.gguf", mine)
    assert copies.path_of(REPO, wanted) == mine
    data = bytearray(mine.read_bytes())
    data[-1] ^= 1  # another quantization of the same size
    mine.write_bytes(data)
    assert copies.path_of(REPO, wanted) is None


def test_a_large_file_has_to_have_the_hubs_name(
    copies: LocalCopies, library: LibraryService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_copies, "_READ_BYTES", 100)
    mine = g.model(layers=4).write(tmp_path / "added" / "m-Q4_K_M.gguf")
    library.add_folder(tmp_path / "added")
    assert copies.path_of(REPO, on_the_hub("m-Q4_K_M.gguf", mine)) == mine
    assert copies.path_of(REPO, on_the_hub("other-Q4_K_M.gguf", mine)) is None


def test_a_projector_may_be_there_too(copies: LocalCopies, library: LibraryService, tmp_path: Path) -> None:
    mine = g.model(layers=5).write(tmp_path / "added" / "m-Q4_K_M.gguf")
    projector = g.model(architecture="clip").write(tmp_path / "elsewhere" / "mmproj-F16.gguf")
    files = [RepoFile(path.name, path.stat().st_size, _digest(path)) for path in (mine, projector)]
    (wanted,) = variants_of(files)
    library.add_folder(tmp_path / "added")
    assert copies.path_of(REPO, wanted) == mine and copies.companions_of(REPO, [wanted]) == [frozenset()]
    projector.rename(tmp_path / "added" / projector.name)
    library.scan()
    assert copies.path_of(REPO, wanted) == mine and copies.companions_of(REPO, [wanted]) == [{"projector"}]
