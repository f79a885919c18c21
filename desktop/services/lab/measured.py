"""What was measured here, in the place of what was published of other models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from desktop.core import naming
from desktop.core.quality import MeasuredHere
from desktop.core.quantize_recipe import Recipe
from desktop.services.lab.hashes import digest_of
from desktop.store.measurements import Measurement, MeasurementStore

UNLIKE_PERPLEXITY = 100.0  # of the reference on a text, from where on the text is no language it has learned


def measured_here(store: MeasurementStore, digests: Sequence[str]) -> MeasuredHere | None:
    """By the digests of a model's files; None where nothing was measured, or a digest is not known."""
    digest = digest_of(list(digests))
    return loss_of(store.of([digest])) if digest else None


def loss_of(found: Measurement | None) -> MeasuredHere | None:
    """A measurement against a reference, as a loss."""
    if found is None or found.distance is None:
        return None
    kld = found.distance.kld
    return MeasuredHere(kld.value, kld.error, found.text_name, found.reference_name, found.tokens)


def measured_of_type(store: MeasurementStore, source: Path, digest: str, recipe: Recipe) -> tuple[Measurement, ...]:
    """What was measured here of files of a recipe's type that are of the model in ``source``: by its digest as their
    reference, else by their names. One for each text, that over the most tokens; texts that a model knows go first,
    then the newest. Nothing for recipes that are no plain type's."""
    if recipe.tensor_types or recipe.output_type or recipe.embedding_type or recipe.pure:
        return ()
    base = naming.base_name(source.name).casefold()
    texts: dict[str, Measurement] = {}
    for one in store.all():
        akin = (digest and one.reference == digest) or naming.base_name(one.name).casefold() == base
        if one.distance is None or one.quantization != recipe.type or not akin:
            continue
        if one.text not in texts or one.tokens > texts[one.text].tokens:
            texts[one.text] = one
    return tuple(sorted(texts.values(), key=lambda one: (is_unlike(one), -one.at)))


def is_unlike(found: Measurement) -> bool:
    """Whether the text is unlike anything the model knows: what is measured on it tells little of a loss."""
    known = found.distance.base_perplexity if found.distance is not None else found.perplexity
    return known.value > UNLIKE_PERPLEXITY
