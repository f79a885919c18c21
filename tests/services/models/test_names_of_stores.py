"""One file under several names: each resolves, and one row knows them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.cli import main
from desktop.core.errors import NotFoundError
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

DIGEST = "a906" * 16


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")


def ollama(home: Path, name: str, digest: str = DIGEST) -> Path:
    """A manifest of Ollama's for a blob, and the blob."""
    root = home / ".ollama" / "models"
    manifest = root / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    manifest.write_text(json.dumps({"layers": [layer]}))
    return g.model().write(root / "blobs" / f"sha256-{digest}")


def cached(home: Path, repo: str, name: str, digest: str, revision: str = "1" * 40) -> Path:
    """A file of the Hub's cache."""
    folder = home / ".cache" / "huggingface" / "hub" / f"models--{repo.replace('/', '--')}"
    blob = g.model().write(folder / "blobs" / digest)
    link = folder / "snapshots" / revision / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(blob)
    return link


def test_every_name_of_one_file_resolves(service: LibraryService, tmp_path: Path) -> None:
    home = tmp_path / "home"
    link = cached(home, "org/Tiny-GGUF", "Tiny-Q8_0.gguf", DIGEST)
    for name in (
        "registry.ollama.ai/library/tiny/latest",
        "registry.ollama.ai/library/tiny/1b",
        "hf.co/org/Tiny-GGUF/Q8_0",
    ):
        ollama(home, name)
    (row,) = [model for model in service.scan() if model.source != "starter"]
    assert row.names == ("Tiny-Q8_0", "hf.co/org/Tiny-GGUF:Q8_0", "tiny:1b", "tiny:latest")
    for said in (*row.names, "tiny", "TINY:1B", "hf:org/Tiny-GGUF/Tiny-Q8_0.gguf", "org/Tiny-GGUF/Tiny-Q8_0.gguf"):
        assert service.resolve(said).path == link
    assert service.knows("hf.co/org/Tiny-GGUF:Q8_0") and not service.knows("hf.co/org/Other:Q8_0")


def test_two_revisions_of_one_file_are_told_apart(service: LibraryService, tmp_path: Path) -> None:
    first = cached(tmp_path / "home", "org/Rev-GGUF", "Rev-Q8_0.gguf", "b" * 64, "2" * 40)
    cached(tmp_path / "home", "org/Rev-GGUF", "Rev-Q8_0.gguf", "c" * 64, "3" * 40)
    titles = [model.title for model in service.scan() if model.source == "huggingface"]
    assert titles == ["Rev-Q8_0 (revision 2222222)", "Rev-Q8_0 (revision 3333333)"]
    assert service.resolve(titles[0]).path == first
    with pytest.raises(NotFoundError) as caught:
        service.resolve("Rev-Q8_0")
    assert caught.value.message == f"'Rev-Q8_0' could be '{titles[0]}' or '{titles[1]}'."


def test_files_without_a_name_of_their_own(service: LibraryService, tmp_path: Path) -> None:
    folder = tmp_path / "added"
    names = {"12345": "Foo 7B", "67890": "Bar 3B"}
    for number, name in names.items():
        found = g.model(layers=len(number + name))
        found.metadata[1] = ("general.name", g.STRING, name)
        found.write(folder / number / "model.gguf")
    service.add_folder(folder)
    assert [model.title for model in service.scan() if model.source == "folder"] == ["Bar 3B", "Foo 7B"]
    assert service.resolve("Foo 7B").path == folder / "12345" / "model.gguf"
    for said in ("model", "model.gguf"):
        with pytest.raises(NotFoundError) as caught:
            service.resolve(said)
        assert (caught.value.kind, caught.value.message) == ("ambiguous", f"'{said}' could be 'Bar 3B' or 'Foo 7B'.")


def test_a_shortened_name_of_the_table_resolves(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "A-very-long-merged-model-name-" * 6 + "12B-Instruct-Q4_K_M"
    path = g.model().write(tmp_path / "added" / f"{name}.gguf")
    assert main(["config", "library_folders", str(tmp_path / "added")]) == 0
    capsys.readouterr()
    assert main(["library"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = next(line.split()[0] for line in lines if line.startswith("A-very"))
    assert len(shown) == 60 and shown.endswith("…12B-Instruct-Q4_K_M") and max(map(len, lines)) < 200
    for command in ("inspect", "fit"):
        main([command, str(path)])
        assert max(len(line) for line in capsys.readouterr().out.splitlines()[:1] or [""]) < 140
    assert main(["inspect", shown, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file_bytes"] == path.stat().st_size


def test_a_blob_is_titled_as_its_store_calls_it(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = ollama(tmp_path, "registry.ollama.ai/library/tiny/latest")
    monkeypatch.setenv("OLLAMA_MODELS", str(blob.parent.parent))
    for said in ("tiny", "tiny:latest", str(blob)):
        assert main(["inspect", said]) == 0
        assert capsys.readouterr().out.splitlines()[0] == "tiny:latest"
        main(["fit", said, "--estimate", "--json"])
        assert "sha256-" not in capsys.readouterr().out
