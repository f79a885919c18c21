"""Which files of a repo are one model: by their names and sizes before anything was read, by their headers after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.published import rows

from desktop.core.model_groups import Identity, ModelGrouper
from desktop.core.naming_parts import NameReader, words_from_rows
from desktop.core.quality import steps_from_rows
from desktop.core.variants import variants_of
from desktop.hub.records import RepoFile

STEPS = {step.name: step for step in steps_from_rows(rows("quantizations"))}
READER = NameReader(words_from_rows(rows("name_parts")), STEPS.values())
SMALL = Identity("qwen3", 28, 1024, 16, 3072, 0, name="Qwen3 0.6B")
LARGE = Identity("qwen3", 40, 5120, 40, 17_408, 0, name="Qwen3 14B")


def grouper(parameters: dict[str, float]) -> ModelGrouper:
    """Of files by path, each of so many weights in the type its name says."""
    found = []
    for path, weights in parameters.items():
        step = next((s for name, s in STEPS.items() if f"{name}.gguf" in path.upper().replace("GGUF", "gguf")), None)
        bits = step.bits_per_weight if step else None
        found.append(RepoFile(path, int(weights * (bits or 8.0) / 8)))
    return ModelGrouper(
        variants_of(found), READER, lambda label: STEPS[label].bits_per_weight if label in STEPS else None
    )


def named(made: ModelGrouper, identities: dict[str, Identity]) -> dict[str, set[str]]:
    """Titles of the groups, with their files; ``identities`` are of the files that were read."""
    variants = made.variants
    groups = made.groups([identities.get(variant.first_file.path) for variant in variants])
    titles = made.titles(groups)
    files = [{variants[i].first_file.path for i in group.variants} for group in groups]
    assert sorted(i for group in groups for i in group.variants) == list(range(len(variants)))
    return dict(zip(titles, files, strict=True))


@pytest.mark.parametrize(
    "paths",
    [
        ("Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-UD-Q4_K_XL.gguf", "BF16/Qwen3-8B-BF16-00001-of-00001.gguf"),
        ("Meta-Llama-3.1-8B-Instruct-IQ4_XS.gguf", "Meta-Llama-3.1-8B-Instruct-f32.gguf"),
        ("L3-8B-Stheno.i1-Q4_K_M.gguf", "L3-8B-Stheno.i1-IQ1_S.gguf"),
        ("llama-2-7b-chat.Q2_K.gguf", "llama-2-7b-chat.Q8_0.gguf"),
        ("Phi-3-mini-4k-instruct-q4.gguf", "Phi-3-mini-4k-instruct-fp16.gguf"),
        ("gemma-3-4b-it-Q4_K_M.gguf", "gemma-3-4b-it-qat-Q4_0.gguf"),
        ("Foo-7B-Q4_K_P.gguf", "Foo-7B-Q5_K_M.gguf", "Foo-7B-Q6_K-imat.gguf", "Foo-7B.Q4_K_M.imx.gguf"),
        ("Q4_K_M.gguf", "Q8_0.gguf", "F16.gguf"),
        ("ggml-model-Q4_K_M.gguf", "ggml-model-f16.gguf"),
    ],
)
def test_the_files_of_one_model_need_one_look(paths: tuple[str, ...]) -> None:
    made = grouper(dict.fromkeys(paths, 8e9))
    assert len(set(made.clusters)) == 1
    assert len(made.groups([None] * len(paths))) == 1


def test_two_sizes_are_two_models_before_and_after_reading() -> None:
    files = {
        "Qwen3-0.6B-Q8_0.gguf": 0.6e9, "Qwen3-0.6B-BF16.gguf": 0.6e9,
        "Qwen3-14B-Q4_K_M.gguf": 14.8e9, "Qwen3-14B-Q8_0.gguf": 14.8e9,
    }  # fmt: skip
    made = grouper(files)
    expected = {
        "Qwen3 0.6B": {"Qwen3-0.6B-Q8_0.gguf", "Qwen3-0.6B-BF16.gguf"},
        "Qwen3 14B": {"Qwen3-14B-Q4_K_M.gguf", "Qwen3-14B-Q8_0.gguf"},
    }
    assert named(made, {}) == expected
    assert named(made, {"Qwen3-0.6B-Q8_0.gguf": SMALL, "Qwen3-14B-Q8_0.gguf": LARGE}) == expected
    assert list(named(made, dict.fromkeys(expected["Qwen3 14B"], LARGE))) == ["Qwen3 0.6B", "Qwen3 14B"]


def test_base_and_instruct_of_one_shape_are_two_models() -> None:
    files = dict.fromkeys(("Qwen3-0.6B-Base-Q8_0.gguf", "Qwen3-0.6B-Instruct-Q8_0.gguf"), 0.6e9)
    made = grouper(files)
    base, tuned = replace(SMALL, name="Qwen3 0.6B Base"), replace(SMALL, name="Qwen3 0.6B Instruct")
    first, second = files
    expected = {"Qwen3 0.6B Base": {first}, "Qwen3 0.6B Instruct": {second}}
    assert named(made, {}) == expected
    assert named(made, dict(zip(files, (base, tuned), strict=True))) == expected
    alike = replace(SMALL, name="Forged")  # an uploader who named both alike, or not at all
    assert named(made, dict.fromkeys(files, alike)) == expected
    assert named(made, dict.fromkeys(files, replace(SMALL, name=""))) == expected


def test_the_header_parts_what_the_names_join() -> None:
    """Nothing in the names tells the two apart; the headers do: by shape, by what they were tuned for, by name."""
    files = dict.fromkeys(("model-Q4_K_M.gguf", "model-Q8_0.gguf"), 8e9)
    made = grouper(files)
    one, two = files
    assert len(set(made.clusters)) == 1
    for a, b in (
        (SMALL, LARGE),
        (replace(SMALL, finetune="Instruct"), replace(SMALL, finetune="Base")),
        (replace(SMALL, name="Qwen3 0.6B Chat"), replace(SMALL, name="Qwen3 0.6B Base")),
        (replace(SMALL, name="Stheno"), replace(SMALL, name="Lunaris")),
    ):
        assert len(named(made, {one: a, two: b})) == 2, (a, b)
    assert len(named(made, {one: SMALL, two: replace(SMALL, name="qwen3-0.6b")})) == 1


def test_the_header_joins_what_the_names_part() -> None:
    files = dict.fromkeys(("Foo-7B-NEO-Q4_K_M.gguf", "Foo-7B-Q8_0.gguf"), 7e9)
    made = grouper(files)
    assert len(set(made.clusters)) == 2
    header = replace(LARGE, name="Foo 7B")
    assert len(named(made, dict.fromkeys(files, header))) == 1
    names = dict(zip(files, (header, replace(header, name="models/tmp")), strict=True))
    assert len(named(made, names)) == 2, "another word in the path and another name in the header"


def test_converters_that_name_one_model_differently_do_not_part_it() -> None:
    files = dict.fromkeys(("Foo-7B-Q4_K_M.gguf", "Foo-7B-Q8_0.gguf"), 7e9)
    headers = (replace(LARGE, name="Foo 7B", basename="Foo", size_label="7B"), replace(LARGE, name="models/foo-hf"))
    assert named(grouper(files), dict(zip(files, headers, strict=True))) == {"Foo 7B": set(files)}


def test_folders_tell_models_apart_and_name_them() -> None:
    files = {"0.6B/model-Q4_K_M.gguf": 0.6e9, "14B/model-Q4_K_M.gguf": 14e9, "14B/model-Q8_0.gguf": 14e9}
    assert named(grouper(files), {}) == {
        "0.6B": {"0.6B/model-Q4_K_M.gguf"},
        "14B": {"14B/model-Q4_K_M.gguf", "14B/model-Q8_0.gguf"},
    }
    tunings = dict.fromkeys(("instruct/qwen3-0.6b-q8_0.gguf", "base/qwen3-0.6b-q8_0.gguf"), 0.6e9)
    assert set(named(grouper(tunings), dict.fromkeys(tunings, SMALL))) == {
        "base qwen3 0.6b",
        "instruct qwen3 0.6b",
    }


def test_sizes_that_cannot_be_one_model_are_apart_whatever_the_names_say() -> None:
    made = grouper({"ggml-model-Q4_K_M.gguf": 0.6e9, "ggml-model-Q8_0.gguf": 14e9})
    assert len(set(made.clusters)) == 2
    small = grouper({"x-Q2_K.gguf": 0.9e9, "x-F16.gguf": 0.6e9, "x-IQ1_S.gguf": 1.2e9})  # a large vocabulary
    assert len(set(small.clusters)) == 1
    whole = {f"x-Q8_0-0000{n}-of-00002.gguf": 7e9 for n in (1,)} | {"x-Q4_K_M.gguf": 14e9, "x-Q2_K.gguf": 14e9}
    assert len(set(grouper(whole).clusters)) == 1, "a set of shards that is incomplete has no size to go by"


def test_an_unread_file_goes_where_its_size_belongs() -> None:
    files = {"model-Q4_K_M.gguf": 2e9, "model-Q5_K_M.gguf": 6e9, "model-Q6_K.gguf": 2e9, "model-Q8_0.gguf": 6e9}
    made = grouper(files)
    assert len(set(made.clusters)) == 1
    found = named(made, {"model-Q4_K_M.gguf": SMALL, "model-Q8_0.gguf": LARGE})
    assert list(found.values()) == [
        {"model-Q4_K_M.gguf", "model-Q6_K.gguf"},
        {"model-Q5_K_M.gguf", "model-Q8_0.gguf"},
    ]


@pytest.mark.parametrize(
    ("identity", "path", "title"),
    [
        (replace(SMALL, basename="Qwen3", size_label="0.6B", finetune="Instruct"), "Qwen3-0.6B-Instruct-Q8_0.gguf",
         "Qwen3 0.6B Instruct"),
        (replace(SMALL, basename="Qwen3-0.6B", size_label="0.6B"), "Qwen3-0.6B-Q8_0.gguf", "Qwen3 0.6B"),
        (replace(SMALL, basename="Mistral", size_label="7B", version="v0.3"), "Mistral-7B-v0.3-Q8_0.gguf",
         "Mistral 7B v0.3"),
        (replace(SMALL, name="Forged"), "Qwen3-0.6B-Base-Q8_0.gguf", "Qwen3 0.6B Base"),
        (replace(SMALL, name="Qwen3 0.6B"), "Qwen3-0.6B-Base-Q8_0.gguf", "Qwen3 0.6B Base"),
        (replace(SMALL, name="Meta_Llama 3.1 8B Instruct"), "model.gguf", "Meta Llama 3.1 8B Instruct"),
        (replace(SMALL, name=""), "Q8_0.gguf", "Q8_0"),
        (replace(SMALL, name="x" * 500), "model.gguf", "x" * 59 + "…"),
    ],
)  # fmt: skip
def test_titles(identity: Identity, path: str, title: str) -> None:
    assert list(named(grouper({path: 0.6e9}), {path: identity})) == [title]


def test_no_two_titles_are_alike() -> None:
    files = {"a/model-Q8_0.gguf": 1e9, "b/model-Q8_0.gguf": 7e9, "b/other/model-Q8_0.gguf": 30e9}
    names = [replace(SMALL, layers=n, name="Forged") for n in (1, 2, 3)]
    found = named(grouper(files), dict(zip(files, names, strict=True)))
    assert len(found) == 3


def test_what_a_name_says_a_model_is_for() -> None:
    made = grouper({})
    names = ("Qwen3 0.6B Instruct", "gemma-3-4b-it", "Qwen3 0.6B Base", "Qwen3 Embedding 0.6B", "Qwen3 14B")
    assert [made.use_of(name) for name in names] == ["chat", "chat", "other", "other", "unsaid"]


def test_a_file_that_cannot_be_read_stays_with_those_named_like_it() -> None:
    files = {"Qwen3-14B-Q4_K_M.gguf": 0.01e9, "Qwen3-14B-Q8_0.gguf": 14e9, "Qwen3-0.6B-Q8_0.gguf": 0.6e9}
    made = grouper(files)
    assert len(set(made.clusters)) == 3
    order = [variant.first_file.path for variant in made.variants]
    identities = [{"Qwen3-14B-Q8_0.gguf": LARGE, "Qwen3-0.6B-Q8_0.gguf": SMALL}.get(path) for path in order]
    cut = order.index("Qwen3-14B-Q4_K_M.gguf")
    assert len(made.groups(identities)) == 3
    together = next(group for group in made.groups(identities, [cut]) if cut in group.variants)
    assert len(together.variants) == 2 and together.identity == LARGE
    nothing = made.groups([None] * 3, range(3))
    assert len(nothing) == 2, "nor are there more models where nothing can be read"
