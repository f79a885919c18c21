"""A repo's files become variants: joined, paired, left out, named."""

from __future__ import annotations

from desktop.core.variants import variants_of
from desktop.hub.records import RepoFile


def files(*paths: str) -> list[RepoFile]:
    return [RepoFile(path, 1000 + number, f"{number:064x}") for number, path in enumerate(paths)]


def test_plain_repo_with_projector_imatrix_and_readme() -> None:
    found = variants_of(
        files(
            "README.md",
            "gemma-3-4b-it-Q4_K_M.gguf",
            "gemma-3-4b-it-Q8_0.gguf",
            "mmproj-F32.gguf",
            "mmproj-F16.gguf",
            "imatrix_unsloth.gguf",
            "config.json",
        )
    )
    assert [variant.name for variant in found] == ["Q4_K_M", "Q8_0"]
    assert [file.path for file in found[0].mmproj] == ["mmproj-F32.gguf", "mmproj-F16.gguf"]
    assert found[0].projector is not None and found[0].projector.path == "mmproj-F32.gguf"
    assert [file.path for file in found[0].files_to_fetch()] == [found[0].first_file.path]
    assert [file.path for file in found[0].files_to_fetch(("projector", "draft"))][1:] == ["mmproj-F32.gguf"]
    assert [(one.kind, one.size_bytes) for one in found[0].companions] == [("projector", 1003)]


def test_shards_folders_and_parts() -> None:
    found = variants_of(
        files(
            "UD-IQ3_XXS/K2-UD-IQ3_XXS-00002-of-00002.gguf",
            "UD-IQ3_XXS/K2-UD-IQ3_XXS-00001-of-00002.gguf",
            "BF16/K2-00001-of-00003.gguf",
            "K2.i1-Q4_K_M.gguf.part1of2",
            "K2.i1-Q4_K_M.gguf.part2of2",
        )
    )
    by_name = {variant.name: variant for variant in found}
    assert set(by_name) == {"UD-IQ3_XXS", "BF16", "i1-Q4_K_M"}
    dynamic = by_name["UD-IQ3_XXS"]
    assert [file.path[-23:-5] for file in dynamic.files] == ["XXS-00001-of-00002", "XXS-00002-of-00002"]
    assert (dynamic.kind, dynamic.quantization, dynamic.missing_shards) == ("dynamic", "IQ3_XXS", 0)
    assert by_name["BF16"].missing_shards == 2 and "missing" in by_name["BF16"].note
    assert by_name["i1-Q4_K_M"].concatenated and by_name["i1-Q4_K_M"].kind == "imatrix"


def test_kinds_and_legacy() -> None:
    found = {
        variant.name: variant
        for variant in variants_of(
            files("a-Q4_0.gguf", "a-Q4_0_4_8.gguf", "a-Q5_K_M.gguf", "a-Q4_K_L.gguf", "mtp-a-Q8_0.gguf")
        )
    }
    assert set(found) == {"Q4_0", "Q4_0_4_8", "Q5_K_M", "Q4_K_L"}
    assert found["Q4_0"].legacy and not found["Q5_K_M"].legacy and found["Q4_0_4_8"].unreadable
    assert [file.path for file in found["Q4_0"].draft] == ["mtp-a-Q8_0.gguf"]
    trained = variants_of(files("gemma-3-4b-it-qat-q4_0.gguf"))[0]
    assert (trained.kind, trained.legacy, trained.quantization) == ("qat", False, "Q4_0")


def test_names_are_unique() -> None:
    found = variants_of(files("a/x-Q4_0.gguf", "b/x-Q4_0.gguf", "y-Q4_0.gguf", "model.gguf"))
    assert sorted(variant.name for variant in found) == ["a x Q4_0", "b x Q4_0", "model", "y Q4_0"]


def test_nothing_to_run() -> None:
    assert variants_of(files("model.safetensors", "mmproj-F16.gguf", "README.md")) == ()


def test_a_label_stays_as_it_was_written() -> None:
    found = variants_of(files("a/x-Q4_0.gguf", "b/x-Q4_0.gguf", "y-Q4_K_M.gguf", "model.gguf"))
    assert sorted((variant.name, variant.label) for variant in found) == [
        ("Q4_K_M", "Q4_K_M"),
        ("a x Q4_0", "Q4_0"),
        ("b x Q4_0", "Q4_0"),
        ("model", "model"),
    ]
