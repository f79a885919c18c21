"""Which projectors the library puts to a model: not those of another family or width."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.store.library import Library
from desktop.store.locations import Location


def seer() -> g.Model:
    return g.model(general__name="Seer 3B Instruct", llama__embedding_length=2048)


def projector(width: int = 0, name: str = "", out: int = 0) -> g.Model:
    """A projector that says its width, or has a tensor of it, or neither; ``name`` is in its header."""
    said: list[tuple[str, int, object]] = [("clip.vision.projection_dim", g.U32, width)] if width else []
    named: list[tuple[str, int, object]] = [("general.name", g.STRING, name)] if name else []
    built: list[tuple[str, tuple[int, ...], int]] = [("mm.0.weight", (1152, out), 1)] if out else []
    kind: list[tuple[str, int, object]] = [
        ("general.architecture", g.STRING, "clip"),
        ("general.type", g.STRING, "mmproj"),
    ]
    return g.Model([*kind, *named, *said], [("v.patch_embd.weight", (256, 256), 1), *built])


def attached(folder: Path, model: str) -> list[str]:
    """Names of the projectors that the library puts to a model, both when it scans and when it is asked of one file."""
    library = Library(folder.parent / "headers.json")
    (entry,) = [entry for entry in library.scan([Location("folder", folder)]).models if entry.path.name == model]
    assert library.describe(folder / model).mmproj == entry.mmproj
    return [path.name for path in entry.mmproj]


@pytest.mark.parametrize(
    ("name", "made", "belongs"),
    [
        ("mmproj-F16.gguf", projector(2048), True),
        ("mmproj-F16.gguf", projector(3584), False),
        ("mmproj-F16.gguf", projector(), True),  # it does not say
        ("mmproj-F16.gguf", projector(768, out=2048), True),  # what it says is the encoder's own space
        ("mmproj-F16.gguf", projector(768, out=4096), False),
        ("mmproj-F16.gguf", projector(name="Gemma 3 4b It"), True),  # of the model's family nothing is known
        ("mmproj-Seer-3B-F16.gguf", projector(3584), False),
        ("mmproj/Seer-3B-F16.gguf", projector(2048), True),
    ],
)
def test_a_projector_has_the_models_width(tmp_path: Path, name: str, made: g.Model, belongs: bool) -> None:
    folder = tmp_path / "models"
    seer().write(folder / "Seer-3B-Q4_K_M.gguf")
    made.write(folder / name)
    found = [] if "/" in name else attached(folder, "Seer-3B-Q4_K_M.gguf")
    if "/" in name:  # a folder within the model's
        models = Library(tmp_path / "headers.json").scan([Location("folder", folder)]).models
        found = [path.name for entry in models for path in entry.mmproj]
    assert found == ([Path(name).name] if belongs else [])


@pytest.mark.parametrize(
    ("name", "title"),
    [("mmproj-gemma-3-4b-it-f16.gguf", ""), ("mmproj-F16.gguf", "Gemma 3 4b It"), ("mmproj-qwen2-vl-2b.gguf", "")],
)
def test_a_projector_of_another_family_is_not_attached(tmp_path: Path, name: str, title: str) -> None:
    folder = tmp_path / "models"
    g.model(general__name="Llama 3.2 1B", llama__embedding_length=2048).write(folder / "Llama-3.2-1B-Q4_K_M.gguf")
    projector(2048, title).write(folder / name)
    assert attached(folder, "Llama-3.2-1B-Q4_K_M.gguf") == []


def test_a_draft_beside_a_model_does_not_keep_it_from_its_projector(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    seer().write(folder / "Seer-3B-Q4_K_M.gguf")
    g.model(architecture="eagle3", general__title="head").write(folder / "guesser-Q8_0.gguf")
    projector(2048).write(folder / "mmproj-F16.gguf")
    models = Library(tmp_path / "headers.json").scan([Location("folder", folder)]).models
    assert [path.name for entry in models if entry.path.name.startswith("Seer") for path in entry.mmproj] == [
        "mmproj-F16.gguf"
    ]
