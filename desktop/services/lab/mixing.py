"""Choosing a mix of types for a size, as a job: what each part of a model costs in quality is measured, once per model.

What was measured is kept by the digests of model, matrix and text, so that another size, or the same job after a kill,
begins where the last one ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop.core import naming, type_mix
from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Tensor
from desktop.core.hardware import RAM
from desktop.core.load_settings import LoadSettings
from desktop.core.progress import Report, unheard
from desktop.core.quantize_recipe import Recipe
from desktop.core.type_mix import ModelPart
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.part_losses import CHUNKS, CONTEXT, MixOrder, PartLosses, PartLossService, kept
from desktop.services.lab.prospect import Prospect
from desktop.services.lab.quantizing import QuantizingService
from desktop.services.lab.texts import MIXED, mixed_text, text_named
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths

MIX = "mix"  # the kind of job
_TRIES = 4  # of a file's header, which names the types, to fit too
_PLAIN = "Q8_0"  # a file type by which it is seen which tensors are quantized at all


class GroupLoss(msgspec.Struct, frozen=True):
    """A group of tensors: ``kld`` (nats) with it alone quantized to ``probe``, and the bytes that it has in the mix by
    type."""

    group: str
    tensors: int
    weights: int
    probe: str
    kld: float
    error: float
    types: dict[str, int]


class Mix(msgspec.Struct, frozen=True):
    """``size_bytes`` of the file that ``recipe`` makes. ``expected_kld`` in nats, by the losses measured one by one.
    ``tokens`` are those that each was measured on."""

    recipe: Recipe
    size_bytes: int
    target_bytes: int
    expected_kld: float
    tokens: int
    groups: tuple[GroupLoss, ...]


@dataclass(frozen=True)
class MixProspect:
    """What choosing will take: ``seconds`` None where that is not known. ``plain`` is the source as Q8_0, by which the
    bounds are known: ``least_bytes`` and ``most_bytes`` of the tensors in the types that are weighed."""

    order: MixOrder
    source: LibraryModel
    groups: int
    seconds: float | None
    least_bytes: int
    most_bytes: int


class MixingService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
        quantizing: Callable[[], QuantizingService],
    ) -> None:
        self._paths, self._jobs, self._library = paths, jobs, library
        self._planning, self._hashes, self._quantizing = planning, hashes, quantizing
        self._losses = PartLossService(paths, hashes)
        self._kind = WorkKind(MIX, MixOrder, self._choose, paths.jobs, mix_words)
        jobs.register(self._kind)

    # -- before -------------------------------------------------------------------------------------

    def prospect(
        self,
        model: str,
        target_bytes: int,
        imatrix: str = "",
        text: str = MIXED,
        *,
        chunks: int = CHUNKS,
        cancelled: Cancelled = never,
    ) -> MixProspect:
        """Raises HeftError: not found, UsageError for a size that is too small, what the engine says."""
        source = self._library.resolve(model)
        chosen = mixed_text(self._paths.data / "lab") if text.casefold() == MIXED else text_named(text)
        matrix = str(Path(imatrix).expanduser().absolute()) if imatrix else ""
        order = MixOrder(str(source.path), matrix, str(chosen.path), chosen.name, target_bytes, max(1, chunks))
        plain, tensors = self._plain(order, cancelled)
        rows = {one.name: one.shape[0] for one in tensors}
        smallest = largest = plain.size_bytes - sum(type_mix.size_in(_PLAIN, one.elements) for one in tensors)
        for one in tensors:
            sizes = [type_mix.size_in(kind, one.elements) for kind in type_mix.candidates(rows[one.name], bool(matrix))]
            smallest, largest = smallest + min(sizes), largest + max(sizes)
        if target_bytes < smallest:
            raise _too_small(source, target_bytes, smallest)
        groups = len({type_mix.group_of(one.name, type_mix.layers_of(tensors)) for one in tensors})
        speeds = self._planning().for_load(source.ref, LoadSettings(context=CONTEXT)).speeds
        reading = speeds.prompt if speeds else None
        seconds = (groups + 1) * order.chunks * CONTEXT / reading.expected if reading else None
        return MixProspect(order, source, groups, seconds, smallest, largest)

    def fitting_bytes(self, model: str, context: int = 0, cancelled: Cancelled = never) -> int:
        """The size of the largest file of the model that fits where it would go, at a context (0: the usual).

        On GPUs where there are any with room, else in main memory: what is free there, less what the cache and the
        computing take, which hardly depend on the weights' types. Raises HeftError where that cannot be planned.
        """
        source = self._library.resolve(model)
        found = self._planning().weigh_source(
            str(source.path), LoadSettings(context=context or None), ref=source.ref, cancelled=cancelled
        )
        fit = found.fit
        beside = fit.memory.total_bytes - fit.memory.weights_bytes
        gpus = [pool for pool in fit.pools if pool.device != RAM]
        free = sum(max(0, pool.free_bytes) for pool in gpus) if gpus else fit.free_bytes
        left = free - beside
        if left <= 0:
            raise HeftError(
                tr(
                    "Not even the cache of {title} fits at {context:,} tokens.", title=source.title, context=fit.context
                ),
                tr("Choose a shorter context."),
                kind=FailureKind.OUT_OF_MEMORY,
            )
        return left

    def is_measured(self, prospect: MixProspect) -> bool:
        """Whether nothing has to be computed any more; files that were not read yet are not read for that."""
        digests = [self._hashes.known(path) for path in prospect.source.files]
        matrix = prospect.order.imatrix
        known = all(digests) and (not matrix or bool(self._hashes.known(Path(matrix))))
        if not known:
            return False
        measured = kept(self._losses.file(prospect.order, prospect.source))
        return len(measured.divergences) >= prospect.groups

    # -- doing --------------------------------------------------------------------------------------

    def choose(self, prospect: MixProspect, *, progress: Report = unheard, cancelled: Cancelled = never) -> Mix:
        """Measure what is not measured yet, as a job, and choose. Raises HeftError, CancelledError."""
        name = f"Types for {human_bytes(prospect.order.target_bytes)} of {prospect.source.title}"
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def target(self, prospect: MixProspect) -> Path:
        """The file that a mix is made as, where nothing else is said."""
        base = naming.base_name(prospect.source.path.name) or prospect.source.path.stem
        size = human_bytes(prospect.order.target_bytes).replace(" ", "")
        return self._paths.models / f"{base}-mix-{size}.gguf"

    def _plain(self, order: MixOrder, cancelled: Cancelled) -> tuple[Prospect, list[Tensor]]:
        """The source as a plain type would be, and those of its tensors that get a type of their own."""
        recipe = Recipe(_PLAIN, imatrix=order.imatrix)
        plain = self._quantizing().prospect(order.model, recipe, weigh=False, cancelled=cancelled)
        with_imatrix = bool(order.imatrix)
        tensors = [
            one
            for one in plain.tensors
            if len(one.shape) > 1
            and plain.tensor_types[one.name] == _PLAIN
            and type_mix.candidates(one.shape[0], with_imatrix)
        ]
        return plain, tensors

    def _choose(self, work: Work[MixOrder, Mix], run: Run) -> Mix:
        order, cancelled = work.order, lambda: run.stopped
        source = self._library.resolve(order.model)
        plain, tensors = self._plain(order, cancelled)
        rows = {one.name: one.shape[0] for one in tensors}
        layers = type_mix.layers_of(tensors)
        groups = {one.name: type_mix.group_of(one.name, layers) for one in tensors}
        path = self._losses.file(order, source, run.report, cancelled)
        known = self._losses.measure(order, source, tensors, groups, path, run)
        parts = [ModelPart(one.name, one.elements, groups[one.name], known.errors[one.name]) for one in tensors]
        klds = {group: kld for group, (kld, _, _) in known.divergences.items()}
        weights = type_mix.factors(parts, klds, rows)
        recipe, size, types = self._fitted(order, source, plain, parts, weights, cancelled)
        expected = type_mix.expected_loss(parts, weights, types)
        told = tuple(_told(group, parts, known, types, rows) for group in dict.fromkeys(groups.values()))
        tokens = max(count for _, _, count in known.divergences.values())
        return Mix(recipe, size, order.target_bytes, expected, tokens, told)

    def _fitted(
        self,
        order: MixOrder,
        source: LibraryModel,
        plain: Prospect,
        parts: Sequence[ModelPart],
        weights: Mapping[str, float],
        cancelled: Cancelled,
    ) -> tuple[Recipe, int, dict[str, str]]:
        """The mix whose file, with its header, is no larger than asked."""
        quantized = sum(part.bytes_in(_PLAIN) for part in parts)
        budget = order.target_bytes - (plain.size_bytes - quantized)
        for _ in range(_TRIES):
            try:
                types = type_mix.chosen_types(parts, weights, budget)
            except type_mix.TooSmallError as error:
                least = error.least_bytes + order.target_bytes - budget
                raise _too_small(source, order.target_bytes, least) from error
            recipe = Recipe(type_mix.file_type_of(parts, types), type_mix.patterns(types), imatrix=order.imatrix)
            found = self._quantizing().prospect(order.model, recipe, weigh=False, cancelled=cancelled)
            wrong = {name for name, kind in types.items() if found.tensor_types[name] != kind}
            if wrong:
                raise HeftError(
                    tr("The engine would give {wrong} another type than the one that was chosen.", wrong=min(wrong)),
                    tr("Choose one of the usual types for this model."),
                )
            if found.size_bytes <= order.target_bytes:
                return recipe, found.size_bytes, types
            budget -= found.size_bytes - order.target_bytes
        raise _too_small(source, order.target_bytes, found.size_bytes)


def mix_words(found: Mix) -> str:
    """What came of it, for the list."""
    return f"chose types for {human_bytes(found.size_bytes)}"


def _told(
    group: str, parts: Sequence[ModelPart], known: PartLosses, types: Mapping[str, str], rows: Mapping[str, int]
) -> GroupLoss:
    members = [part for part in parts if part.group == group]
    sizes: dict[str, int] = {}
    for part in members:
        kind = types[part.name]
        sizes[kind] = sizes.get(kind, 0) + part.bytes_in(kind)
    kld, error, _ = known.divergences[group]
    probe = type_mix.probe_type(rows[members[0].name])
    return GroupLoss(group, len(members), sum(part.elements for part in members), probe, kld, error, sizes)


def _too_small(source: LibraryModel, asked: int, least: int) -> UsageError:
    return UsageError(
        tr("{title} cannot be made as small as {asked}.", title=source.title, asked=human_bytes(asked)),
        tr("Ask for {least} at least.", least=human_bytes(int(least * 1.01))),
    )
