"""Measuring what a model loses on a text, as a job: chunk by chunk, going on where it was."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, StoreError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.loss_statistics import (
    LEAST_TOKENS,
    Sums,
    counted_tokens,
    distance,
    expected_error,
    logits_bytes,
    perplexity,
)
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.measurer import Answer, Chunks, Measured, Open, Opened
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.kept_work import KeptWork
from desktop.services.lab.quantizing import versions
from desktop.services.lab.references import KeptReference, References
from desktop.services.lab.texts import USUAL, MeasuredText, text_named
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.measurements import Measurement, MeasurementStore
from desktop.store.paths import Paths
from desktop.system.atomic import write_atomically

MEASURE = "measure"  # the kind of job
Effort = Literal["quick", "usual", "thorough"]
EFFORTS: dict[Effort, float] = {"quick": 120.0, "usual": 600.0, "thorough": 0.0}  # seconds, 0 for all of the text
CONTEXT = 512
_LEAST_CHUNKS = 2
_LEAST_PLANNED = 256  # tokens of a context that a load is planned for
_KEEP_SECONDS = 5.0  # between two times that what is measured is written down


class MeasureOrder(msgspec.Struct, frozen=True):
    """Paths of the model, its reference ("" for none) and the text; ``chunks`` of ``context`` tokens."""

    model: str
    reference: str
    text: str
    text_name: str
    context: int
    chunks: int


class _State(msgspec.Struct, frozen=True):
    """What was measured so far, of files that are still the same (``sign``)."""

    sign: str
    chunks: int
    sums: Sums
    klds: bytes
    seconds: float


@dataclass(frozen=True)
class MeasuringProspect:
    """What a measurement will take: ``seconds`` (None: not known), disk for the reference's logits, and the errors it
    will about have (parts of 1). ``text_chunks`` is how many the text has."""

    order: MeasureOrder
    source: LibraryModel
    reference: LibraryModel | None
    text: MeasuredText
    chunks: int
    text_chunks: int
    tokens: int
    vocabulary: int
    logits_bytes: int
    seconds: float | None
    perplexity_error: float
    kld_error: float

    def seconds_of(self, effort: Effort) -> float | None:
        """What an effort would take; None where that is not known."""
        per_chunk = self._per_chunk
        return None if per_chunk is None else per_chunk * self._chunks_of(effort)

    def error_of(self, effort: Effort) -> float:
        """The error that an effort's figure will about have, as a part of it: of the KL divergence where there is a
        reference, else of the perplexity."""
        errors = expected_error(counted_tokens(self.order.context, self._chunks_of(effort)))
        return errors[1 if self.reference is not None else 0]

    @property
    def _per_chunk(self) -> float | None:
        return None if self.seconds is None else self.seconds / self.chunks

    def _chunks_of(self, effort: Effort) -> int:
        return _chunks_for(effort, self._per_chunk, self.text_chunks)


class MeasuringService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
        kept: MeasurementStore,
        bound: Callable[[], int],
    ) -> None:
        """``bound`` is how many bytes of references' logits are kept at most."""
        self._paths, self._jobs, self._library, self._planning = paths, jobs, library, planning
        self._hashes, self.kept, self._bound = hashes, kept, bound
        self._states = paths.data / "lab"
        self._kind = KeptWork[MeasureOrder, Measurement](
            MEASURE, MeasureOrder, self._measure, paths.jobs, measured_words
        )
        self._kind.state_file = self._state_file
        jobs.register(self._kind)

    # -- before -------------------------------------------------------------------------------------

    def prospect(
        self,
        model: str,
        reference: str = "",
        text: str | MeasuredText = USUAL,
        *,
        context: int = CONTEXT,
        chunks: int = 0,
        effort: Effort = "usual",
        cancelled: Cancelled = never,
    ) -> MeasuringProspect:
        """``chunks`` 0 is by ``effort``. Raises HeftError: not found, a text too short, what the engine says."""
        if context < 16 or context % 2:
            raise UsageError(
                tr("A context of this length cannot be measured."), tr("Choose an even number of tokens, 16 at least.")
            )
        source = self._resolved(model)
        base = self._resolved(reference) if reference else None
        if base is not None and base.path == source.path:
            raise UsageError(
                tr("A model is no reference of its own."), tr("Name another file of the model: F16, or the largest.")
            )
        chosen = text_named(text) if isinstance(text, str) else text
        tool = self._tool()
        try:
            opened = tool.call(
                Open(str(source.path), str(chosen.path), context, vocabulary_only=True), cancelled=cancelled
            )
        finally:
            tool.close()
        assert isinstance(opened, Opened)
        rates = [self._rate(one, context) for one in (source, base) if one is not None]
        per_chunk = sum(context / rate for rate in rates if rate) if all(rates) else None
        wanted = chunks or _chunks_for(effort, per_chunk, opened.chunks)
        if wanted > opened.chunks:
            raise UsageError(
                tr(
                    "{title} has {chunks} chunks of {context} tokens.",
                    title=chosen.title,
                    chunks=opened.chunks,
                    context=context,
                ),
                tr("Ask for fewer, or name a longer text."),
            )
        counted = counted_tokens(context, wanted)
        error, kld_error = expected_error(counted)
        order = MeasureOrder(
            str(source.path), str(base.path) if base else "", str(chosen.path), chosen.name, context, wanted
        )
        return MeasuringProspect(
            order, source, base, chosen, wanted, opened.chunks, counted, opened.vocabulary,
            logits_bytes(opened.vocabulary, context, wanted) if base else 0,
            per_chunk * wanted if per_chunk is not None else None, error, kld_error,
        )  # fmt: skip

    def _resolved(self, name: str) -> LibraryModel:
        found = self._library.resolve(name)
        if found.fault is not None:
            raise found.fault.error(found.title)
        if not found.kind.writes_text:
            raise cannot_chat(found.title, found.kind)
        return found

    def _rate(self, model: LibraryModel, context: int) -> float | None:
        """Tokens of a text per second, as predicted for this computer."""
        plan = self._plan(model, context)
        reading = plan.speeds.prompt if plan.speeds else None
        return reading.expected if reading else None

    def _plan(self, model: LibraryModel, context: int, cancelled: Cancelled = never) -> LoadPlan:
        return self._planning().for_load(model.ref, LoadSettings(context=max(context, _LEAST_PLANNED)), cancelled)

    # -- doing --------------------------------------------------------------------------------------

    def measure(
        self, prospect: MeasuringProspect, *, progress: Report = unheard, cancelled: Cancelled = never
    ) -> Measurement:
        """Measure, as a job, keep the result, and wait. What was measured before a stop is not measured again.

        Raises HeftError: "disk-full", "out-of-memory", "usage" for a reference of another vocabulary, what the engine
        says; CancelledError.
        """
        name = f"{prospect.source.title} on {prospect.text.title}"
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def _tool(self) -> Tool[Any]:
        return Tool("desktop.engine.tools.measurer", Answer, self._paths.scratch, self._paths.logs / "measurer.log")

    def _measure(self, work: Work[MeasureOrder, Measurement], run: Run) -> Measurement:
        order, cancelled = work.order, lambda: run.stopped
        source = self._resolved(order.model)
        base = self._resolved(order.reference) if order.reference else None
        digest = self._hashes.of_model(source.files, run.report, cancelled)
        base_digest = self._hashes.of_model(base.files, run.report, cancelled) if base else ""
        text = MeasuredText(order.text_name, order.text_name, Path(order.text))
        passes = 2 if base is not None else 1
        tool = self._tool()
        try:
            kept = None
            if base is not None:
                kept = self._reference(tool, order, base, base_digest, run, passes)
            sign = "|".join((digest, base_digest, text.sha256, str(order.context), versions()[0]))
            state = self._chunks(tool, work, source, kept, sign, run, passes)
        finally:
            tool.close()
        if base is not None and kept is not None:
            References(self._folder, self._bound()).used(kept)
        found = self._found(order, source, base, digest, base_digest, text, state)
        try:
            self.kept.add(found)
        except OSError as error:
            raise StoreError(
                tr("The measurement could not be saved: {strerror}.", strerror=error.strerror),
                tr("Check the free space on the disk."),
            ) from error
        with contextlib.suppress(OSError):
            self._state_file(order).unlink(missing_ok=True)
        return found

    @property
    def _folder(self) -> Path:
        return self._paths.cache / "references"

    def _opened(self, tool: Tool[Any], order: MeasureOrder, model: LibraryModel, run: Run) -> Opened:
        cancelled = lambda: run.stopped  # noqa: E731
        plan = self._plan(model, order.context, cancelled)
        if not plan.fits:
            raise HeftError(
                tr("{title} does not fit into this computer's memory now.", title=model.title),
                tr("Close other programs, or unload the model that runs."),
                kind=FailureKind.OUT_OF_MEMORY,
            )
        run.report(Progress(0, 0, "", f"loading {model.title}"))
        request = Open(
            str(model.path), order.text, order.context, plan.threads, plan.gpu_layers, plan.cpu_expert_layers,
            plan.devices,
        )  # fmt: skip
        found = tool.call(request, cancelled=cancelled)
        assert isinstance(found, Opened)
        if found.chunks < order.chunks:
            raise UsageError(tr("The text has changed; it is too short now."), tr("Begin the measurement again."))
        return found

    def _reference(
        self, tool: Tool[Any], order: MeasureOrder, base: LibraryModel, digest: str, run: Run, passes: int
    ) -> KeptReference:
        """The reference's logits, computed as far as they are not there."""
        references = References(self._folder, self._bound())
        counted = tool.call(Open(str(base.path), order.text, order.context, vocabulary_only=True))
        assert isinstance(counted, Opened)
        kept = references.of(digest, counted.token_sign, counted.vocabulary, order.context, order.chunks)
        if kept.done >= order.chunks:
            return kept
        references.make_room(kept)
        self._opened(tool, order, base, run)
        for chunk in range(kept.done, order.chunks):
            run.report(Progress(chunk, order.chunks * passes, "chunks", f"reference {base.title}"))
            request = Chunks(chunk, 1, write=str(kept.path), all_chunks=kept.chunks)
            tool.call(request, cancelled=lambda: run.stopped)
        return kept

    def _chunks(
        self,
        tool: Tool[Any],
        work: Work[MeasureOrder, Measurement],
        source: LibraryModel,
        kept: KeptReference | None,
        sign: str,
        run: Run,
        passes: int,
    ) -> _State:
        order = work.order
        state = self._known(order, sign)
        if state.chunks >= order.chunks:
            return state
        self._opened(tool, order, source, run)
        written = time.monotonic()
        before = order.chunks * (passes - 1)
        for chunk in range(state.chunks, order.chunks):
            run.report(Progress(before + chunk, order.chunks * passes, "chunks", source.title))
            if run.stopped:
                self._keep(order, state)
                raise CancelledError
            try:
                request = Chunks(chunk, 1, base=str(kept.path) if kept else "")
                found = tool.call(request, cancelled=lambda: run.stopped)
            except CancelledError:
                self._keep(order, state)
                raise
            assert isinstance(found, Measured)
            state = _State(
                sign, chunk + 1, state.sums.plus(found.sums), state.klds + found.klds, state.seconds + found.seconds
            )
            if time.monotonic() - written > _KEEP_SECONDS:
                self._keep(order, state)
                written = time.monotonic()
        return state

    def _state_file(self, order: MeasureOrder) -> Path:
        return self._states / f"measure-{self._kind.id_of(order)}.msgpack"

    def _known(self, order: MeasureOrder, sign: str) -> _State:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            state = msgspec.msgpack.decode(self._state_file(order).read_bytes(), type=_State)
            if state.sign == sign:
                return state
        return _State(sign, 0, Sums(), b"", 0.0)

    def _keep(self, order: MeasureOrder, state: _State) -> None:
        with contextlib.suppress(OSError):  # a full disk costs what would be measured again, and nothing else
            write_atomically(self._state_file(order), msgspec.msgpack.encode(state))

    def _found(
        self,
        order: MeasureOrder,
        source: LibraryModel,
        base: LibraryModel | None,
        digest: str,
        base_digest: str,
        text: MeasuredText,
        state: _State,
    ) -> Measurement:
        if not math.isfinite(state.sums.nll + state.sums.kld):
            raise HeftError(
                tr("What {title} computes on this text are no numbers.", title=source.title),
                tr("Choose another file of this model."),
                kind=FailureKind.NOT_FINITE,
            )
        klds = list(memoryview(state.klds).cast("f"))
        far = distance(state.sums, klds) if base is not None and state.sums.count >= LEAST_TOKENS else None
        return Measurement(
            model=digest, name=source.title, quantization=source.quantization, size_bytes=source.size_bytes,
            text=text.sha256, text_name=order.text_name, context=order.context, chunks=order.chunks,
            tokens=state.sums.count, perplexity=perplexity(state.sums), distance=far, reference=base_digest,
            reference_name=base.title if base else "", engine=versions()[0], at=time.time(), seconds=state.seconds,
        )  # fmt: skip


def _chunks_for(effort: Effort, per_chunk: float | None, most: int) -> int:
    seconds = EFFORTS[effort]
    if not seconds or per_chunk is None:
        return most
    return max(_LEAST_CHUNKS, min(most, int(seconds / per_chunk)))


def measured_words(found: Measurement) -> str:
    """What came of it, for the list."""
    if found.distance is None:
        return f"perplexity {found.perplexity.value:.4g} on {found.text_name}"
    return f"mean KL divergence {found.distance.kld.value:.4g} on {found.text_name}"
