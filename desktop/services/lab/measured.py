"""What was measured here, in the place of what was published of other models."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.quality import MeasuredHere
from desktop.services.lab.hashes import digest_of
from desktop.store.measurements import Measurement, MeasurementStore


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
