"""What each part of a model loses, measured in the loaded model and kept by the digests of model, matrix and text."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from desktop.core import type_mix
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.gguf import Tensor
from desktop.core.progress import Progress, Report, unheard
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.tools.measurer import Open, Opened
from desktop.engine.tools.sensitivity import Answer, Base, Errors, Known, Lost, Probe, TensorErrors
from desktop.machine.memory import read_memory
from desktop.services.job_kinds import Run
from desktop.services.lab.hashes import FileHashes
from desktop.services.lab.quantizing import versions
from desktop.services.models.library import LibraryModel
from desktop.store.paths import Paths
from desktop.system.atomic import write_atomically
from desktop.system.cores import physical_threads

CONTEXT, CHUNKS = 256, 4  # of the text that losses are measured on: 508 tokens count
_KEEP_SECONDS = 5.0
_ROOM = 1.25  # of the model's size in memory while it is measured


class MixOrder(msgspec.Struct, frozen=True):
    """Paths of the model, the importance matrix ("" for none) and the text; ``target_bytes`` of the file to be."""

    model: str
    imatrix: str
    text: str
    text_name: str
    target_bytes: int
    chunks: int = CHUNKS
    context: int = CONTEXT


class PartLosses(msgspec.Struct, frozen=True):
    """What was measured so far: errors by tensor and type, and by group KL divergence, its error and tokens."""

    errors: dict[str, dict[str, float]] = {}
    divergences: dict[str, tuple[float, float, int]] = {}


class PartLossService:
    """Calls come from one job at a time."""

    def __init__(self, paths: Paths, hashes: FileHashes) -> None:
        self._paths, self._hashes = paths, hashes

    def file(
        self, order: MixOrder, source: LibraryModel, progress: Report = unheard, cancelled: Cancelled = never
    ) -> Path:
        """Where what is measured for an order is kept; files whose digests are not known are read."""
        digest = self._hashes.of_model(source.files, progress, cancelled)
        matrix = self._hashes.of(Path(order.imatrix)) if order.imatrix else ""
        text = hashlib.sha256(Path(order.text).read_bytes()).hexdigest()
        sign = "|".join((digest, matrix, text, str(order.context), str(order.chunks), versions()[0]))
        return self._paths.data / "lab" / f"sensitivity-{hashlib.sha256(sign.encode()).hexdigest()[:16]}.msgpack"

    def measure(
        self,
        order: MixOrder,
        source: LibraryModel,
        tensors: Sequence[Tensor],
        groups: Mapping[str, str],
        path: Path,
        run: Run,
    ) -> PartLosses:
        """All of it, measuring what is not in ``path`` yet. HeftError, CancelledError: what was reached is kept."""
        known = kept(path)
        wanted = [one for one in tensors if one.name not in known.errors]
        unknown = [group for group in dict.fromkeys(groups.values()) if group not in known.divergences]
        if not wanted and not unknown:
            return known
        _must_have_memory(source)
        cancelled = lambda: run.stopped  # noqa: E731
        steps, done = len(wanted) + len(tensors) * (len(unknown) > 0), 0
        tool = Tool[Any]("desktop.engine.tools.sensitivity", Answer, self._paths.scratch)
        written = time.monotonic()
        try:
            run.report(Progress(0, 0, "", f"loading {source.title}"))
            request = Open(str(source.path), order.text, order.context, physical_threads(), devices="none")
            opened = tool.call(request, cancelled=cancelled)
            assert isinstance(opened, Opened)
            if opened.chunks < order.chunks:
                raise UsageError(
                    tr("The text is too short."),
                    tr("Name one of {chunks:,} tokens.", chunks=order.chunks * order.context),
                )
            run.report(Progress(0, 0, "", tr("the original on the text")))
            base = tool.call(Base(order.chunks, order.imatrix), cancelled=cancelled)
            assert isinstance(base, Known)
            reached = set(base.tensors)
            for one in wanted:
                run.report(Progress(done, steps, "tensors", tr("errors of {name}", name=one.name)))
                known = _with_errors(known, one, self._errors(tool, one, reached, bool(order.imatrix), cancelled))
                done += 1
                if time.monotonic() - written > _KEEP_SECONDS:
                    _keep(path, known)
                    written = time.monotonic()
            for group in unknown:
                members = [one for one in tensors if groups[one.name] == group and one.name in reached]
                run.report(Progress(done, steps, "tensors", tr("loss by {group}", group=group)))
                types = {one.name: type_mix.probe_type(one.shape[0]) for one in members}
                lost = tool.call(Probe(types), cancelled=cancelled)
                assert isinstance(lost, Lost)
                count = max(1, lost.sums.count)
                mean = lost.sums.kld / count
                error = max(0.0, lost.sums.kld2 / count - mean * mean) ** 0.5 / count**0.5
                known = PartLosses(known.errors, {**known.divergences, group: (mean, error, count)})
                done += sum(groups[one.name] == group for one in tensors)
                if time.monotonic() - written > _KEEP_SECONDS:
                    _keep(path, known)
                    written = time.monotonic()
                if run.stopped:
                    raise CancelledError
        finally:
            tool.close()
            _keep(path, known)
        return known

    @staticmethod
    def _errors(
        tool: Tool[Any], one: Tensor, reached: set[str], with_imatrix: bool, cancelled: Cancelled
    ) -> dict[str, float]:
        """A tensor that the text does not reach loses nothing on it: it gets the smallest type."""
        kinds = type_mix.candidates(one.shape[0], with_imatrix)
        if one.name not in reached:
            return dict.fromkeys(kinds, 0.0)
        if type_mix.group_of(one.name, 1) == one.name.removesuffix(".weight"):  # not in the matrix: of no layer
            kinds = type_mix.candidates(one.shape[0], False)
        found = tool.call(Errors(one.name, kinds), cancelled=cancelled)
        assert isinstance(found, TensorErrors)
        return found.errors


def _with_errors(known: PartLosses, one: Tensor, errors: dict[str, float]) -> PartLosses:
    """With one more tensor's errors."""
    return PartLosses({**known.errors, one.name: errors}, known.divergences)


def kept(path: Path) -> PartLosses:
    """What a file holds; nothing where it cannot be read."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.msgpack.decode(path.read_bytes(), type=PartLosses)
    return PartLosses()


def _keep(path: Path, known: PartLosses) -> None:
    with contextlib.suppress(OSError):  # a full disk costs what would be measured again, and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.msgpack.encode(known))


def _must_have_memory(source: LibraryModel) -> None:
    free, needed = read_memory().available_bytes, int(source.size_bytes * _ROOM)
    if free < needed:
        raise HeftError(
            tr(
                "Measuring the parts of {title} takes {needed} of memory, and {free} are free.",
                title=source.title,
                needed=human_bytes(needed),
                free=human_bytes(free),
            ),
            tr("Close other programs, or unload the model that runs."),
            kind=FailureKind.OUT_OF_MEMORY,
        )
