"""The variants of a model on this computer: their speeds, and which to take by what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.forge import TINY, Value, forge
from support.planning import planning_on

from desktop.core.errors import HeftError
from desktop.core.quality import MeasuredHere
from desktop.services.discover.tables import DataTables
from desktop.services.lab.at_hand import AtHandService
from desktop.services.lab.hashes import FileHashes
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

HERE = MeasuredHere(0.4, 0.01, "prose", "m-F16", 8000)


@pytest.fixture
def models(paths: Paths, vocab_dir: Path) -> list[Path]:
    paths.models.mkdir(parents=True, exist_ok=True)
    vocabulary = vocab_dir / "ggml-vocab-gpt-2.gguf"
    named = (("m-F16", "F16", 1), ("m-Q4_K_M", "Q4_K", 15), ("other-Q4_K_M", "Q4_K", 15))
    return [
        forge(paths.models / f"{name}.gguf", TINY, kind, vocabulary, general__file_type=Value(4, file_type))
        for name, kind, file_type in named
    ]


def service(paths: Paths, tmp_path: Path, hashes: FileHashes, here: dict[str, MeasuredHere]) -> AtHandService:
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    planning = planning_on(paths)

    def measured(files: Sequence[Path]) -> MeasuredHere | None:
        return here.get(files[0].stem)

    return AtHandService(library, lambda: planning, lambda: DataTables().quality, hashes, measured)


def test_the_variants_of_one_model_and_no_other(models: list[Path], paths: Paths, tmp_path: Path) -> None:
    hashes = FileHashes(paths.cache / "hashes.json")
    found = service(paths, tmp_path, hashes, {}).of(str(models[0]))
    assert [one.model.title for one in found.variants] == ["m-F16", "m-Q4_K_M"]
    assert "is recommended." in found.words() and "measured here" not in found.words()
    alone = service(paths, tmp_path, hashes, {}).of(str(models[2]))
    assert alone.answer is None and alone.words() == ""
    with pytest.raises(HeftError):
        service(paths, tmp_path, hashes, {}).of(str(tmp_path / "nothing.gguf"))


def test_what_was_measured_decides_and_is_quoted(models: list[Path], paths: Paths, tmp_path: Path) -> None:
    hashes = FileHashes(paths.cache / "hashes.json")
    small = MeasuredHere(0.0006, 0.0001, "prose", "m-F16", 8000)
    good = service(paths, tmp_path, hashes, {"m-Q4_K_M": small}).of(str(models[0]))
    assert good.words().startswith("Of the variants at hand m-Q4_K_M is recommended.")
    assert "Its loss was measured here on prose: mean KL divergence 0.001 from m-F16." in good.words()
    bad = service(paths, tmp_path, hashes, {"m-Q4_K_M": HERE}).of(str(models[0]))
    assert bad.words().startswith("Of the variants at hand m-F16 is recommended.")
    assert "Mean KL divergences measured here: m-Q4_K_M 0.40 on prose." in bad.words()


def test_speeds_of_files_whose_contents_are_known(models: list[Path], paths: Paths, tmp_path: Path) -> None:
    hashes = FileHashes(paths.cache / "hashes.json")
    digest = hashes.of(models[1])
    made = service(paths, tmp_path, hashes, {})
    plain = made.of(str(models[1])).variants[1].rate
    assert made.rates([digest, "another"]) == ({digest: plain} if plain else {})


def test_variants_are_sorted_by_what_they_lose(models: list[Path], paths: Paths, tmp_path: Path) -> None:
    hashes = FileHashes(paths.cache / "hashes.json")

    def order(here: dict[str, MeasuredHere], largest: str = "F16") -> list[str]:
        made = service(paths, tmp_path, hashes, here)
        variants = [one.model for one in made.of(str(models[0])).variants]
        variants[0] = replace(variants[0], quantization=largest)
        return [one.title for one in made.best_first(variants[::-1])]

    assert order({}) == ["m-F16", "m-Q4_K_M"]  # as published
    worse = MeasuredHere(0.4, 0.01, "prose", "another", 8000)
    better = MeasuredHere(0.0006, 0.0001, "prose", "another", 8000)
    assert order({"m-F16": worse, "m-Q4_K_M": better}) == ["m-Q4_K_M", "m-F16"]
    assert order({"m-Q4_K_M": worse}, largest="unknown") == ["m-F16", "m-Q4_K_M"]
