"""Making importance matrices, as a job: chunk by chunk, going on where it was; kept beside the model."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.importance import TensorImportance
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.progress import Progress, Report, unheard
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.imatrix_maker import Answer, Begin, Collect, Keep, State
from desktop.engine.tools.measurer import Open, Opened
from desktop.engine.tools.quantizer import Answer as QuantizerAnswer
from desktop.engine.tools.quantizer import ImatrixRead, ReadImatrix
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, perform
from desktop.services.jobs import JobService
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.kept_work import KeptWork
from desktop.services.lab.texts import MIXED, MeasuredText, mixed_text, text_named
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.store.paths import Paths
from desktop.system.atomic import PREFIX, SHARED, put_in_place

IMPORTANCE = "imatrix"  # the kind of job
CONTEXT = 512  # tokens of a chunk, llama-imatrix's own
ENDING = ".imatrix.gguf"
_KEEP_SECONDS = 10.0  # between two times that what was added is written down


class ImportanceOrder(msgspec.Struct, frozen=True):
    """Paths of the model, the text and what is made; ``chunks`` of ``context`` tokens."""

    model: str
    text: str
    text_name: str
    target: str
    context: int
    chunks: int


class ImportanceMade(msgspec.Struct, frozen=True):
    """``chunks`` of the text over ``entries`` tensors. ``seconds`` are those of this run."""

    path: str
    sha256: str
    chunks: int
    entries: int
    seconds: float
    tensors: tuple[TensorImportance, ...]


@dataclass(frozen=True)
class ImportanceProspect:
    """What it will take: ``seconds`` None where that is not known. ``taken``: there is such a file already."""

    order: ImportanceOrder
    source: LibraryModel
    text: MeasuredText
    target: Path
    chunks: int
    text_chunks: int
    tokens: int
    seconds: float | None
    taken: bool


@dataclass(frozen=True)
class FoundImatrix:
    """A matrix as it says of itself."""

    path: Path
    chunks: int
    dataset: str
    tensors: tuple[TensorImportance, ...]


class ImportanceService:
    """Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        hashes: FileHashes,
    ) -> None:
        self._paths, self._jobs, self._library = paths, jobs, library
        self._planning, self._hashes = planning, hashes
        self._kind = KeptWork[ImportanceOrder, ImportanceMade](
            IMPORTANCE, ImportanceOrder, self._make, paths.jobs, importance_words
        )
        self._kind.state_file = self._state_file
        jobs.register(self._kind)

    # -- what there is ------------------------------------------------------------------------------

    def beside(self, model: str) -> Path | None:
        """The matrix of a model that was made here, the newest of those beside it and in Heft's own folder."""
        source = self._library.resolve(model)
        name = _base_name(source)
        found: list[tuple[int, Path]] = []
        for folder in (source.path.parent, self._paths.models):
            with contextlib.suppress(OSError):
                for path in folder.glob(f"*{ENDING}"):
                    if _is_of(path.name.removesuffix(ENDING), name):
                        found.append((path.stat().st_mtime_ns, path))
        return max(found)[1] if found else None

    def read(self, path: Path, cancelled: Cancelled = never) -> FoundImatrix:
        """Raises FileFormatError for what is no importance matrix."""
        if not path.is_file():
            raise HeftError(
                tr("There is no file {path}.", path=path), tr("Name an importance matrix."), kind=FailureKind.NOT_FOUND
            )
        tool = Tool[Any]("desktop.engine.tools.quantizer", QuantizerAnswer, self._paths.scratch)
        try:
            found = tool.call(ReadImatrix(str(path)), cancelled=cancelled)
        finally:
            tool.close()
        assert isinstance(found, ImatrixRead)
        return FoundImatrix(path, found.chunks, found.dataset, found.tensors)

    # -- before -------------------------------------------------------------------------------------

    def prospect(
        self,
        model: str,
        text: str = MIXED,
        target: Path | None = None,
        *,
        context: int = CONTEXT,
        chunks: int = 0,
        cancelled: Cancelled = never,
    ) -> ImportanceProspect:
        """``chunks`` 0 is all of the text. Raises HeftError: not found, a text too short, what the engine says."""
        if context < 16:
            raise UsageError(
                tr("A context of this length is too short."), tr("Choose 16 tokens at least; 512 are usual.")
            )
        source = self._resolved(model)
        chosen = mixed_text(self._paths.data / "lab") if text.casefold() == MIXED else text_named(text)
        tool = self._tool()
        try:
            request = Open(str(source.path), str(chosen.path), context, vocabulary_only=True)
            opened = tool.call(request, cancelled=cancelled)
        finally:
            tool.close()
        assert isinstance(opened, Opened)
        wanted = chunks or opened.chunks
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
        place = (target or self._target(source)).expanduser().absolute()
        order = ImportanceOrder(str(source.path), str(chosen.path), chosen.name, str(place), context, wanted)
        speeds = self._plan(source, context).speeds
        reading = speeds.prompt if speeds else None
        seconds = wanted * context / reading.expected if reading else None
        return ImportanceProspect(
            order, source, chosen, place, wanted, opened.chunks, wanted * context, seconds, place.exists()
        )

    def _resolved(self, name: str) -> LibraryModel:
        found = self._library.resolve(name)
        if found.fault is not None:
            raise found.fault.error(found.title)
        if not found.kind.writes_text:
            raise cannot_chat(found.title, found.kind)
        return found

    def _target(self, source: LibraryModel) -> Path:
        """Beside the model; in Heft's own folder where nothing can be written there."""
        folder = source.path.parent if os.access(source.path.parent, os.W_OK) else self._paths.models
        return folder / f"{_base_name(source)}{ENDING}"

    def free_target(self, model: str) -> Path:
        """The usual place of a model's matrix, with the first number that no file has where there is one already."""
        usual = self._target(self._library.resolve(model))
        stem = usual.name.removesuffix(ENDING)
        names = (f"{stem}{ENDING}" if number == 1 else f"{stem}-{number}{ENDING}" for number in count(1))
        return next(free for name in names if not (free := usual.with_name(name)).exists())

    def _plan(self, model: LibraryModel, context: int, cancelled: Cancelled = never) -> LoadPlan:
        return self._planning().for_load(model.ref, LoadSettings(context=max(context, 256)), cancelled)

    def _tool(self) -> Tool[Any]:
        log = self._paths.logs / "imatrix.log"
        return Tool("desktop.engine.tools.imatrix_maker", Answer, self._paths.scratch, log)

    # -- doing --------------------------------------------------------------------------------------

    def make(
        self, prospect: ImportanceProspect, *, progress: Report = unheard, cancelled: Cancelled = never
    ) -> ImportanceMade:
        """Make it, as a job, and wait. Raises HeftError: "file-exists", "out-of-memory", what the engine says;
        CancelledError."""
        name = f"Importance matrix of {prospect.source.title}"
        return perform(self._jobs, self._kind, name, prospect.order, progress=progress, cancelled=cancelled)

    def _make(self, work: Work[ImportanceOrder, ImportanceMade], run: Run) -> ImportanceMade:
        order, cancelled = work.order, lambda: run.stopped
        source, target = self._resolved(order.model), Path(order.target)
        if target.exists():
            raise HeftError(
                tr("There is a file {name} already.", name=target.name),
                tr("Choose another name for the new one, or move that file away."),
                kind=FailureKind.FILE_EXISTS,
            )
        digest = self._hashes.of_model(source.files, run.report, cancelled)
        text = hashlib.sha256(Path(order.text).read_bytes()).hexdigest()
        sign = "|".join((digest, text, str(order.context)))
        plan = self._plan(source, order.context, cancelled)
        if not plan.fits:
            raise HeftError(
                tr("{title} does not fit into this computer's memory now.", title=source.title),
                tr("Close other programs, or unload the model that runs."),
                kind=FailureKind.OUT_OF_MEMORY,
            )
        begun, unfinished = time.perf_counter(), target.with_name(f"{PREFIX}{target.name}")
        tool = self._tool()
        try:
            run.report(Progress(0, 0, "", f"loading {source.title}"))
            opened = tool.call(
                Open(
                    str(source.path), order.text, order.context, plan.threads, plan.gpu_layers,
                    plan.cpu_expert_layers, plan.devices,
                ),
                cancelled=cancelled,
            )  # fmt: skip
            assert isinstance(opened, Opened)
            if opened.chunks < order.chunks:
                raise UsageError(tr("The text has changed; it is too short now."), tr("Begin again."))
            state = self._chunks(tool, order, sign, run)
            target.parent.mkdir(parents=True, exist_ok=True)
            told = {"heft.source.name": source.path.name, "heft.source.sha256": digest, "heft.text.sha256": text}
            tool.call(Keep(str(unfinished), told=told), cancelled=cancelled)
            found = self.read(unfinished, cancelled)
            sha256 = self._hashes.of(unfinished)
            unfinished.chmod(SHARED)
            put_in_place(unfinished, target)
        except OSError as error:
            words = f"{target.name} could not be written: {error.strerror or error}."
            raise HeftError(
                words, tr("Look at {parent}.", parent=target.parent), kind=FailureKind.NOT_WRITABLE
            ) from error
        finally:
            tool.close()
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._state_file(order).unlink(missing_ok=True)
            self._hashes.note(target, sha256)
        seconds = time.perf_counter() - begun
        return ImportanceMade(str(target), sha256, state.chunks, state.entries, seconds, found.tensors)

    def _chunks(self, tool: Tool[Any], order: ImportanceOrder, sign: str, run: Run) -> State:
        kept = self._state_file(order)
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
        state = tool.call(Begin(str(kept), sign, order.context, order.text_name))
        assert isinstance(state, State)
        if state.chunks > order.chunks:  # of an order for more of the same text
            kept.unlink(missing_ok=True)
            state = tool.call(Begin(str(kept), sign, order.context, order.text_name))
            assert isinstance(state, State)
        written = time.monotonic()
        while state.chunks < order.chunks:
            run.report(Progress(state.chunks, order.chunks, "chunks", order.text_name))
            state = tool.call(Collect(state.chunks), cancelled=lambda: run.stopped)
            assert isinstance(state, State)
            if time.monotonic() - written > _KEEP_SECONDS or run.stopped:
                with contextlib.suppress(HeftError):  # a full disk costs what would be computed again, nothing else
                    tool.call(Keep(str(kept), sign))
                written = time.monotonic()
            if run.stopped:
                raise CancelledError
        return state

    def _state_file(self, order: ImportanceOrder) -> Path:
        return self._paths.data / "lab" / f"imatrix-{self._kind.id_of(order)}.gguf"


def _is_of(stem: str, name: str) -> bool:
    """Whether a matrix is called after a model, with or without a number."""
    rest = stem.casefold().removeprefix(name.casefold())
    return stem.casefold().startswith(name.casefold()) and (not rest or (rest[1:].isdigit() and rest[0] == "-"))


def importance_words(made: ImportanceMade) -> str:
    """What came of it, for the list."""
    return f"made {Path(made.path).name} from {made.chunks} pieces"


def _base_name(source: LibraryModel) -> str:
    return naming.base_name(source.path.name) or source.path.stem
