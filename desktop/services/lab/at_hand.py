"""The variants of one model that are on this computer: their losses as measured, their speed, which to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.choice import Goal, Option, Recommendation, recommend
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.quality import MeasuredHere, Quality, QualityTable
from desktop.core.speed import Rate
from desktop.core.variants import Variant, kind_of
from desktop.services.discover.picker_words import kld_text
from desktop.services.discover.reason_words import paragraph
from desktop.services.lab.hashes import FileHashes, digest_of
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService

GOAL: Goal = "balanced"


@dataclass(frozen=True)
class _File:
    """A file of this computer as one of a repo's."""

    path: str
    size_bytes: int
    sha256: str = ""


@dataclass(frozen=True)
class AtHand:
    """A variant with its plan, None where it cannot be planned, and what was measured of its loss here."""

    model: LibraryModel
    digest: str
    plan: LoadPlan | None
    here: MeasuredHere | None = None

    @property
    def rate(self) -> Rate | None:
        """Tokens per second that it writes with an empty context."""
        speeds = self.plan.speeds if self.plan is not None else None
        return speeds.empty if speeds is not None else None


@dataclass(frozen=True)
class VariantsAtHand:
    """``variants`` in the library's order; ``answer`` recommends one of those with a place, as Discover would."""

    variants: tuple[AtHand, ...]
    answer: Recommendation | None

    def words(self) -> str:
        """Which to take, and why; "" where there is no choice."""
        if self.answer is None or self.answer.index is None:
            return ""
        chosen = self.variants[self.answer.index].model.title
        losses = [
            f"{one.model.title} {kld_text(one.here.kld)} on {one.here.text}"
            for one in self.variants
            if one.here is not None
        ]
        measured = f" Mean KL divergences measured here: {', '.join(losses)}." if losses else ""
        return f"Of the variants at hand {chosen} is recommended. {paragraph(self.answer)}{measured}"


class AtHandService:
    """Looks through the library; calls may come from any thread."""

    def __init__(
        self,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        quality: Callable[[], QualityTable],
        hashes: FileHashes,
        measured: Callable[[Sequence[Path]], MeasuredHere | None],
    ) -> None:
        self._library, self._planning, self._quality = library, planning, quality
        self._hashes, self._measured = hashes, measured

    def of(self, path: str, cancelled: Cancelled = never) -> VariantsAtHand:
        """Those of the model in a file, itself among them. Raises HeftError: not found, CancelledError."""
        chosen = self._library.resolve(path)
        base = _base(chosen)
        alike = [model for model in self._library.recent() if _usable(model) and _base(model) == base]
        if chosen.path not in [model.path for model in alike]:
            alike.append(chosen)
        variants = tuple(self._at_hand(model, cancelled) for model in alike)
        if len(variants) < 2:
            return VariantsAtHand(variants, None)
        return VariantsAtHand(variants, recommend([self._option(one) for one in variants], GOAL))

    def rates(self, digests: Sequence[str], cancelled: Cancelled = never) -> Mapping[str, Rate]:
        """Tokens per second of files that were measured, as far as they are here and can be planned."""
        wanted, found = set(digests), {}
        for model in self._library.recent():
            digest = self._digest(model)
            if digest in wanted and digest not in found and _usable(model):
                rate = self._at_hand(model, cancelled).rate
                if rate is not None:
                    found[digest] = rate
        return found

    def best_first(self, models: Sequence[LibraryModel]) -> tuple[LibraryModel, ...]:
        """Variants of one model by their loss, as measured here, else as published for their types; where neither is
        known, as if it were that of the best that is no larger. Of those that lose alike the largest first.
        """
        known: dict[Path, float] = {}
        for model in models:
            quality = self._quality_of(model, self._measured(model.files))
            if quality.severity_low is not None and quality.severity_high is not None:
                known[model.path] = (quality.severity_low + quality.severity_high) / 2

        def loss(model: LibraryModel) -> tuple[float, int]:
            smaller = [known[one.path] for one in models if one.path in known and one.size_bytes <= model.size_bytes]
            return known.get(model.path, min(smaller, default=math.inf)), -model.size_bytes

        return tuple(sorted(models, key=loss))

    def _quality_of(self, model: LibraryModel, here: MeasuredHere | None) -> Quality:
        published = self._quality().quality_of(model.quantization, kind_of(model.path.name), model.parameters or None)
        return published.with_measured(here) if here is not None else published

    def _at_hand(self, model: LibraryModel, cancelled: Cancelled) -> AtHand:
        plan: LoadPlan | None = None
        try:
            plan = self._planning().for_load(model.ref, cancelled=cancelled, method="estimate")
        except CancelledError:
            raise
        except HeftError:  # what nobody can load so has no figures
            plan = None
        return AtHand(model, self._digest(model), plan, self._measured(model.files))

    def _digest(self, model: LibraryModel) -> str:
        return digest_of([self._hashes.known(path) for path in model.files])

    def _option(self, one: AtHand) -> Option:
        model = one.model
        quality = self._quality_of(model, one.here)
        variant = Variant(model.title, model.quantization, (_File(str(model.path), model.size_bytes),))
        plan = one.plan
        return Option(variant, quality, plan.fit if plan else None, plan.speeds if plan else None)


def _usable(model: LibraryModel) -> bool:
    return model.fault is None and not model.problem and model.kind.writes_text


def _base(model: LibraryModel) -> str:
    return naming.base_name(model.path.name).casefold()
