"""Which model of a repo is taken: by what fits, the repo's name, what it is for, how well it runs, and its size."""

from __future__ import annotations

from dataclasses import replace

from support.published import options, profile, rows

from desktop.core.choice import Option, recommend
from desktop.core.choice_model import ModelOption, choose_model
from desktop.core.model_groups import ModelGrouper, NameWords
from desktop.core.naming_parts import NameReader, words_from_rows

NAMES = ModelGrouper((), NameReader(words_from_rows(rows("name_parts")), ()))
OFFERED = ["Q2_K", "Q4_K_M", "Q8_0"]
NONE = NameWords()
SIZES = {"Llama-3.2-1B": 1.24e9, "Llama-3.1-8B": 8.03e9, "Qwen2.5-32B": 32.8e9, "Llama-3.3-70B": 70.6e9}


def model(name: str, machine: str, *, title: str = "", context: int = 8192) -> ModelOption:
    """A published model with what is recommended of it."""
    found = options(name, profile(machine), context, OFFERED)
    index = recommend(found, "balanced").index
    option: Option | None = None if index is None else found[index]
    title = title or name
    return ModelOption(option, SIZES[name], NAMES.words(title), NAMES.use_of(title))


def test_the_largest_that_runs_well_is_taken() -> None:
    models = [model(name, "rtx-4060-8gb") for name in ("Llama-3.2-1B", "Llama-3.1-8B", "Qwen2.5-32B")]
    assert models[2].option is not None and not models[2].runs_well, "32 B spills to main memory and crawls"
    choice = choose_model(models, "balanced", NONE)
    assert (choice.index, choice.reason, choice.well) == (1, "largest", True)
    assert choose_model(models[1:], "quality", NONE).reason == "runs-well"
    assert choose_model(models[::-1], "balanced", NONE).index == 1


def test_for_speed_the_quickest_is_taken() -> None:
    models = [model(name, "rtx-4090") for name in ("Llama-3.1-8B", "Llama-3.2-1B")]
    assert choose_model(models, "speed", NONE).reason == "quickest"
    assert choose_model(models, "speed", NONE).index == 1
    unknown = [replace(one, option=one.option and replace(one.option, speeds=None)) for one in models]
    assert choose_model(unknown, "speed", NONE).index == 1, "fewer bytes to read"


def test_the_repos_name_speaks_of_one() -> None:
    models = [model("Llama-3.1-8B", "rtx-4060-8gb"), model("Qwen2.5-32B", "rtx-4060-8gb")]
    choice = choose_model(models, "balanced", NAMES.words("Qwen2.5-32B-GGUF"))
    assert (choice.index, choice.reason, choice.well) == (1, "named", False)
    assert choose_model(models, "balanced", NAMES.words("models-8B-and-32B")).index == 0


def test_one_to_chat_with_is_taken_before_a_base_model() -> None:
    base = model("Llama-3.1-8B", "rtx-4090", title="Llama 3.1 8B Base")
    tuned = model("Llama-3.1-8B", "rtx-4090", title="Llama 3.1 8B Instruct")
    plain = model("Llama-3.1-8B", "rtx-4090")
    assert choose_model([base, tuned, plain], "balanced", NONE).index == 1
    assert choose_model([base, plain], "balanced", NONE).reason == "tuned"
    assert choose_model([base, replace(base)], "balanced", NONE).reason == "first"


def test_what_does_not_fit_is_not_taken() -> None:
    small, large = model("Llama-3.2-1B", "laptop-8gb"), model("Llama-3.3-70B", "laptop-8gb")
    assert large.option is None
    assert choose_model([small, large], "balanced", NAMES.words("Llama-3.3-70B-GGUF")).reason == "fits"
    none = [large, replace(small, option=None)]
    assert (choose_model(none, "balanced", NONE).index, choose_model(none, "balanced", NONE).reason) == (1, "none-fits")
    assert choose_model([small], "balanced", NONE).reason == "only"
