"""The names that clients use: readable, unique, the same after a restart, and never a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.core.model_fault import Fault
from desktop.core.model_kind import ModelKind
from desktop.services.serve.catalog import Catalog, GivenNames
from desktop.services.serve.names import Names, served_models
from desktop.store.found_file import Source
from desktop.store.library import LibraryModel

HUB = "/home/me/.cache/huggingface/hub"


def model(
    path: str, quantization: str = "", *, name: str = "", source: Source = "folder",
    kind: ModelKind = ModelKind.CHAT, names: tuple[str, ...] = (), fault: Fault | None = None, problem: str = "",
) -> LibraryModel:  # fmt: skip
    file = Path(path)
    return LibraryModel(
        name or file.stem, file, (file,), (), 1_000, "llama", quantization, 100, source, 1.5,
        kind=kind, names=names, fault=fault, problem=problem,
    )  # fmt: skip


def hub(repo: str, file: str, quantization: str = "") -> LibraryModel:
    return model(f"{HUB}/models--{repo.replace('/', '--')}/snapshots/abc/{file}", quantization, source="huggingface")


def names_of(*models: LibraryModel, given: dict[str, str] | None = None) -> list[str]:
    return [served.name for served in served_models(models, given)]


def test_a_name_is_short_where_nothing_else_could_be_meant() -> None:
    assert names_of(model("/m/Qwen3-8B-Q4_K_M.gguf", "Q4_K_M")) == ["qwen3-8b"]
    assert names_of(model("/m/SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1")) == ["smollm2-135m-instruct"]
    assert names_of(model("/b/sha256-1", "Q4_0", name="llama3.2:1b", source="ollama")) == ["llama3.2-1b"]
    assert names_of(model("/b/sha256-2", "Q4_0", name="gemma3:latest", source="ollama")) == ["gemma3"]
    assert names_of(model("/m/Ein Modell (neu).gguf")) == ["ein-modell-neu"]
    assert names_of(model("/m/模型.gguf"))[0]


def test_the_quantization_tells_variants_of_one_model_apart() -> None:
    found = names_of(model("/m/Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"), model("/m/Qwen3-8B-Q8_0.gguf", "Q8_0"))
    assert found == ["qwen3-8b-q4_k_m", "qwen3-8b-q8_0"]


def test_who_was_first_keeps_the_short_name_when_another_variant_comes() -> None:
    first = model("/m/Qwen3-8B-Q4_K_M.gguf", "Q4_K_M")
    given = {served.ref.identity: served.name for served in served_models([first])}
    assert names_of(first, model("/m/Qwen3-8B-Q8_0.gguf", "Q8_0"), given=given) == ["qwen3-8b", "qwen3-8b-q8_0"]


def test_the_same_file_in_two_repos_has_two_names() -> None:
    found = names_of(hub("a/X-GGUF", "X-Q4_0.gguf", "Q4_0"), hub("b/X-GGUF", "X-Q4_0.gguf", "Q4_0"))
    assert found == ["x-q4_0-a", "x-q4_0-b"]


def test_nothing_makes_two_names_equal() -> None:
    models = [model(f"/m{number}/model-Q4_0.gguf", "Q4_0") for number in range(5)]
    found = names_of(*models)
    assert len(set(found)) == 5
    assert found == names_of(*reversed(models))


@pytest.mark.parametrize("kind", [ModelKind.PROJECTOR, ModelKind.DRAFT, ModelKind.ADAPTER, ModelKind.DIFFUSION])
def test_what_no_client_can_use_is_not_listed(kind: ModelKind) -> None:
    assert names_of(model("/m/a.gguf", kind=kind)) == []


def test_what_is_broken_is_not_listed_and_what_makes_vectors_is() -> None:
    assert names_of(model("/m/a.gguf", problem="It is cut off.")) == []
    assert names_of(model("/m/bge-m3-Q8_0.gguf", "Q8_0", kind=ModelKind.EMBEDDING)) == ["bge-m3"]


def test_all_that_a_model_is_called_by_finds_it_in_any_letter_case() -> None:
    starter = model("/s/SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1", source="starter")
    qwen = hub("Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", "Q4_K_M")
    ollama = model("/b/sha256-1", "Q4_0", name="llama3.2:1b", names=("llama3.2:1b",), source="ollama")
    names = Names(served_models([starter, qwen, ollama]))
    for called, meant in (
        ("starter", starter), ("STARTER", starter), ("smollm2-135m-instruct:q4_1", starter),
        (" SmolLM2-135M-Instruct.Q4_1 ", starter), ("smollm2-135m-instruct:latest", starter),
        ("qwen3-8b", qwen), ("Qwen/Qwen3-8B-GGUF", qwen), ("Qwen/Qwen3-8B-GGUF:Q4_K_M", qwen),
        ("hf.co/Qwen/Qwen3-8B-GGUF:Q4_K_M", qwen), ("Qwen3-8B-Q4_K_M.gguf", qwen), ("qwen3-8b-q4_k_m", qwen),
        ("llama3.2:1b", ollama), ("llama3.2-1b", ollama),
    ):  # fmt: skip
        found = names.find(called)
        assert found is not None and found.ref.identity == meant.ref.identity, called
    for unknown in ("qwen", "qwen3", "qwen3-8b-q8_0", "", "gpt-4o", "llama3.2"):
        assert names.find(unknown) is None, unknown


def test_an_alias_that_could_mean_two_is_given_to_none() -> None:
    repo = "Qwen/Qwen3-8B-GGUF"
    two = (hub(repo, "Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"), hub(repo, "Qwen3-8B-Q8_0.gguf", "Q8_0"))
    names = Names(served_models(two))
    assert names.find(repo) is None and names.find("qwen3-8b") is None
    found = names.find(f"{repo}:Q8_0")
    assert found is not None and found.name == "qwen3-8b-q8_0"
    for served in names.models():
        assert len({alias.casefold() for alias in served.aliases}) == len(served.aliases)


class Folders:
    """A library whose scans are counted."""

    def __init__(self, *models: LibraryModel) -> None:
        self.models = models
        self.scans = 0
        self._known: tuple[LibraryModel, ...] = ()

    def scan(self) -> list[LibraryModel]:
        self.scans += 1
        self._known = tuple(self.models)
        return list(self._known)

    def known(self) -> tuple[LibraryModel, ...]:
        return self._known


def test_the_folders_are_looked_into_once_and_again_for_what_is_not_known(tmp_path: Path) -> None:
    now = [100.0]
    folders = Folders(model("/m/Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"))
    changes: list[int] = []
    catalog = Catalog(folders, GivenNames(tmp_path / "n.json"), clock=lambda: now[0], changed=lambda: changes.append(1))
    for _ in range(50):
        assert [served.name for served in catalog.models()] == ["qwen3-8b"]
        assert catalog.find("qwen3-8b") is not None
        assert catalog.find("other") is None
    assert folders.scans == 1
    folders.models = (*folders.models, model("/m/Other-Q8_0.gguf", "Q8_0"))
    now[0] += 3
    assert catalog.find("other") is not None and folders.scans == 2 and changes == [1]


def test_a_scan_that_a_page_asked_for_counts(tmp_path: Path) -> None:
    folders = Folders(model("/m/a.gguf"))
    catalog = Catalog(folders, GivenNames(tmp_path / "n.json"), clock=lambda: 100.0)
    assert len(catalog.models()) == 1
    folders.models = (*folders.models, model("/m/b.gguf"))
    folders.scan()
    assert [served.name for served in catalog.models()] == ["a", "b"]


def test_names_stay_over_a_restart(tmp_path: Path) -> None:
    first, second = model("/m/Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"), model("/m/Qwen3-8B-Q8_0.gguf", "Q8_0")
    given = GivenNames(tmp_path / "names.json")
    assert [served.name for served in Catalog(Folders(first), given).models()] == ["qwen3-8b"]
    again = Catalog(Folders(first, second), GivenNames(tmp_path / "names.json"))
    assert [served.name for served in again.models()] == ["qwen3-8b", "qwen3-8b-q8_0"]
    (tmp_path / "names.json").write_text("{", encoding="utf-8")
    assert len(Catalog(Folders(first), GivenNames(tmp_path / "names.json")).models()) == 1
