"""How a load guesses tokens: decided from what is set and from what the models can do, or refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from desktop.core.errors import FileFormatError, UsageError
from desktop.core.gguf import Header, read_header
from desktop.core.gguf.draft_fit import holds_mtp, mtp_layers, vocabulary_difference
from desktop.core.gguf.kind import model_kind
from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory, Memory, ModelShape, estimate, shape_of
from desktop.core.memory.cache import BATCH, kv_bytes
from desktop.core.model_ref import ModelRef
from desktop.core.placement import Beside, split_layers
from desktop.core.speculation import NOT_SPECULATING, PlainSpeed, Speculating, unlogged_bytes
from desktop.core.words import tr
from desktop.services.models.shards import shards_of
from desktop.services.planning.corrections import Way
from desktop.services.planning.engine_planner import PlannedDraft
from desktop.store.gguf_files import FileSource
from desktop.store.ledger import Run

_RUNS = 5  # the newest ones that count
_LEAST_TOKENS = 32


class CannotSpeculateError(UsageError):
    """What was set is nothing that these models can do."""


@dataclass(frozen=True)
class Decided:
    """How tokens will be guessed, with the draft model as it is planned."""

    speculating: Speculating = NOT_SPECULATING
    draft: PlannedDraft | None = None


class Speculations:
    """Decides. ``resolve`` finds a model of this computer by a path or a name of the library; it raises HeftError."""

    def __init__(self, resolve: Callable[[str], ModelRef]) -> None:
        self._resolve = resolve

    def decided(self, name: str, headers: Sequence[Header], asked: LoadSettings) -> Decided:
        """For a model of this name, with the headers of its shards still open. Raises CannotSpeculateError, and
        HeftError for a draft model that is not found.
        """
        kind = asked.speculating
        if kind in ("off", "ngram"):
            return Decided(Speculating(kind))
        if kind == "mtp":
            if not headers or not mtp_layers(headers[0]) or not holds_mtp(tuple(headers)):
                raise CannotSpeculateError(
                    tr("{name} has no layers for multi-token prediction that the engine can use.", name=name),
                    tr("Choose ngram or a draft model, or look for a file of this model that keeps these layers."),
                )
            return Decided(Speculating(kind))
        if not asked.draft:
            raise CannotSpeculateError(
                tr("Speculation with a draft model needs one."),
                tr("Name a small model with the same vocabulary as the draft model, or choose another kind."),
            )
        ref = self._resolve(asked.draft)
        if ref.path is None:
            raise CannotSpeculateError(
                tr("{name} is not on this computer.", name=ref.name), tr("Download the draft model first.")
            )
        return self._with_draft(name, headers, ref.name, ref.path)

    def _with_draft(self, name: str, headers: Sequence[Header], draft_name: str, path: Path) -> Decided:
        with _opened(path) as drafts:
            shape = shape_of(drafts[0])
            if shape is None or not model_kind(drafts[0]).writes_text:
                raise CannotSpeculateError(
                    tr("{draft_name} writes no text, so it can guess none.", draft_name=draft_name),
                    tr("Choose a small language model."),
                )
            difference = vocabulary_difference(headers[0], drafts[0]) if headers else "a vocabulary is missing"
            if difference:
                raise CannotSpeculateError(
                    tr(
                        "{draft_name} cannot guess for {name}: its vocabulary is another ({difference}).",
                        draft_name=draft_name,
                        name=name,
                        difference=difference,
                    ),
                    tr("Choose a small model of the same family."),
                )
            return Decided(Speculating("draft", path), PlannedDraft.of(drafts, shape))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Header, ...]]:
    """The headers of a model's files, their arrays readable. Raises CannotSpeculateError."""
    with ExitStack() as stack:
        try:
            sources = [stack.enter_context(FileSource(file)) for file in shards_of(path)]
            headers = tuple(read_header(source) for source in sources)
        except (OSError, FileFormatError) as error:
            words = error.message if isinstance(error, FileFormatError) else error.strerror or str(error)
            raise CannotSpeculateError(
                tr("The draft model {name} cannot be read: {words}", name=path.name, words=words),
                tr("Choose another draft model."),
            ) from error
        yield headers


def beside(decided: Decided, shape: ModelShape, asked: LoadSettings, gpu_free: Sequence[int]) -> Beside | None:
    """What speculation takes beside the model, by formulas; None without speculation."""
    kind, draft = decided.speculating.kind, decided.draft
    if kind == "off":
        return None

    def taken(context: int, gpu_layers: int) -> tuple[Memory, int]:
        more = unlogged_bytes(kind, shape.vocabulary, shape.embedding, asked.batch_at(context), asked.slots or 1)
        if draft is not None:
            stored = draft.shape.layer_count + draft.shape.draft_layers
            split = split_layers(stored, stored + 1 if gpu_layers else 0, gpu_free)
            return estimate(draft.shape, draft.weights, replace(asked, context=context), split), more
        if kind == "mtp":
            return Memory((DeviceMemory(RAM, kv_bytes=_mtp_cache(shape, context, asked)),)), more
        return Memory(()), more

    return taken


def _mtp_cache(shape: ModelShape, context: int, asked: LoadSettings) -> int:
    """The cache of the MTP layers, which are like the largest of the model's own."""
    batch = asked.batch or BATCH
    own = (kv_bytes(shape, layer, context, asked.kv_types, batch=batch) for layer in range(shape.layer_count))
    return max(own, default=0) * shape.draft_layers


def measured_plain(runs: Sequence[Run], fingerprint: str, plan: LoadPlan) -> PlainSpeed:
    """How fast a model wrote without speculation on this computer, loaded like that: of the newest runs, the middle.

    ``runs`` are this computer's, newest first. How a token's time grows with the context is as predicted.
    """
    speeds = plan.speeds
    growth = 0.0
    if speeds is not None and speeds.full.expected > 0 and speeds.context:
        growth = max(0.0, speeds.empty.expected / speeds.full.expected - 1.0) / speeds.context
    found, way = [], Way.of_plan(plan)
    for run in runs:
        figures = run.figures
        told = figures.measured_decode > 0 and figures.tokens >= _LEAST_TOKENS and figures.tells_speed
        if fingerprint and run.fingerprint == fingerprint and way.is_of(run) and told:
            found.append(PlainSpeed.measured(figures.measured_decode, figures.context_used, growth).seconds)
            if len(found) == _RUNS:
                break
    return PlainSpeed(sorted(found)[len(found) // 2] if found else 0.0, growth)
