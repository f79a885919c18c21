"""Reasons in words: a sentence for every kind, with its figures."""

from __future__ import annotations

from dataclasses import replace

from support.published import options, profile

from desktop.core.choice import Alternatives, Option, Reason, ReasonKind, recommend
from desktop.services.discover.reason_words import paragraph, sentence


def offered(machine: str = "rtx-4060-8gb", context: int = 8192) -> list[Option]:
    return options("Llama-3.1-8B", profile(machine), context, ["Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"])


WITHOUT_OPTION = {
    ReasonKind.NO_VARIANTS,
    ReasonKind.NO_HEADER_READ,
    ReasonKind.NONE_CAN_BE_LOADED,
    ReasonKind.TAKE_SMALLER_MODEL,
}


def test_every_kind_has_a_sentence_of_its_own() -> None:
    option = offered()[0]
    cut = replace(option, variant=replace(option.variant, missing_shards=1, note="A part is missing."))
    said = {
        kind: sentence(
            Reason(kind)
            if kind in WITHOUT_OPTION
            else Reason(kind, cut if kind is ReasonKind.CANNOT_BE_LOADED else option, 7_300_000_000, 3, 8192, 0.4)
        )
        for kind in ReasonKind
    }
    assert len(set(said.values())) == len(ReasonKind)
    unfit = {kind: said[kind] for kind in said if not said[kind][0].isupper() or said[kind][-1] != "."}
    assert unfit == {}


def test_the_whole_paragraph() -> None:
    text = paragraph(recommend(offered(), "balanced"))
    assert text.startswith("It is the best quality that stays entirely in the GPU's memory at 8,192 tokens of context")
    assert "Q8_0 would push 7 layers to main memory and run at less than half the speed (14 tok/s)." in text
    assert text.endswith("Memory figures are estimates, within about 5%.")


def test_nothing_fits_and_what_would_help() -> None:
    found = options("Qwen2.5-32B", profile("laptop-8gb"), 8192, ["Q4_K_M", "Q8_0"])
    first, *others = map(sentence, recommend(found, "balanced", Alternatives(1024, 2048, 7e9)).reasons)
    assert first.startswith("Nothing fits at 8,192 tokens of context: Q4_K_M, the smallest, needs ")
    assert others == [
        "With a context of 1,024 tokens Q4_K_M would fit.",
        "With the KV cache in q8_0 it would fit up to 2,048 tokens.",
        "Otherwise take a smaller model of the family: up to about 7 B parameters in 4 bits.",
    ]


def test_several_gpus_are_spoken_of_as_several() -> None:
    found = options("Llama-3.3-70B", profile("two-rtx-3090"), 4096, ["Q4_K_M", "Q3_K_M"])
    assert "entirely in the GPUs' memory" in paragraph(recommend(found, "balanced"))


def test_a_speed_that_is_not_known_is_not_spoken_of() -> None:
    unknown = [replace(option, speeds=None) for option in offered()]
    text = paragraph(recommend(unknown, "balanced"))
    assert "tok/s" not in text and "()" not in text
