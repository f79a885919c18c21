"""Two models on the same prompts: side by side where both fit, where they part, what each held for likely there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, StoreError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.next_token import Difference, Thought, first_difference
from desktop.core.sampling_fields import SamplingValues
from desktop.core.vote_tally import Tally
from desktop.core.words import tr
from desktop.engine.api import ChatMessage, Generate, Load
from desktop.services.chat.sampling import SamplingService, sampling_of
from desktop.services.lab.side import Answered, Heard, Side, SideRun, Start, unheard_side
from desktop.services.models.answer_settings import AnswerSettingsService
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService
from desktop.services.serve.room import need_of
from desktop.store.votes import Choice, VoteStore, sign_of, tally_of, vote_between

__all__ = ["Compared", "ComparingService", "Comparison", "Side"]

FIXED: SamplingValues = {"temperature": 0.0, "seed": 1}  # where nothing else is said: what differs is the models' doing
MAX_TOKENS = 200
Room = Callable[[LoadPlan], Mapping[str, int]]  # bytes by device that may be taken now


@dataclass(frozen=True)
class Comparison:
    """What a comparison will be. ``together``: both are loaded at once; ``halves``: and share the processor's cores, so
    that each is slower than alone. ``rests``: the chat's model is put to rest first."""

    models: tuple[LibraryModel, LibraryModel]
    plans: tuple[LoadPlan, LoadPlan]
    together: bool
    halves: bool
    rests: bool


@dataclass(frozen=True)
class Compared:
    """Two answers to one prompt; ``difference`` of their texts, None where they are the same. ``thoughts`` are of the
    place where what the models wrote parts, which may lie in the reasoning before (``in_reasoning``)."""

    prompt: str
    sides: tuple[Side, Side]
    difference: Difference | None
    thoughts: tuple[Thought, Thought] | None = None
    in_reasoning: bool = False


class ComparingService:
    """For callers that wait, on any thread."""

    def __init__(
        self,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        sampling: SamplingService,
        answers: AnswerSettingsService,
        start: Start,
        free: Room,
        with_chat: Room,
        rest: Callable[[Cancelled], None],
        votes: VoteStore,
    ) -> None:
        """``start`` loads a model; ``free`` is the memory that may be taken now, ``with_chat`` the same once the chat's
        model rests, which ``rest`` waits for."""
        self._library, self._planning, self._sampling, self._answers = library, planning, sampling, answers
        self._start, self._free, self._with_chat, self._rest = start, free, with_chat, rest
        self._votes = votes

    # -- before --------------------------------------------------------------------------------------

    def prospect(
        self, models: tuple[str, str], *, context: int = 0, in_turn: bool = False, cancelled: Cancelled = never
    ) -> Comparison:
        """``in_turn``: one after the other, though both would fit. Raises HeftError: not found, out-of-memory."""
        first, second = self.models_of(models)
        asked = LoadSettings(context=context or None)
        plans = [self._planning().for_load(one.ref, asked, cancelled) for one in (first, second)]
        for model, plan in zip((first, second), plans, strict=True):
            if not plan.fits:
                raise HeftError(
                    tr("{title} does not fit into this computer's memory now.", title=model.title),
                    tr("Close other programs, or choose a smaller variant."),
                    kind=FailureKind.OUT_OF_MEMORY,
                )
        needs = [need_of(plan) for plan in plans]
        both = {name: sum(need.get(name, 0) for need in needs) for name in {*needs[0], *needs[1]}}
        together = not in_turn and all(_within(both, self._with_chat(plan)) for plan in plans)
        rests = any(
            not _within(both if together else need, self._free(plan)) for plan, need in zip(plans, needs, strict=True)
        )
        halves = together and all(_uses_cores(plan) for plan in plans)
        if halves:
            plans = [_with_half(plan) for plan in plans]
        return Comparison((first, second), (plans[0], plans[1]), together, halves, rests)

    def models_of(self, names: tuple[str, str]) -> tuple[LibraryModel, LibraryModel]:
        """The two models. Raises HeftError: not found, no text can be written with it."""
        return self._resolved(names[0]), self._resolved(names[1])

    def _resolved(self, name: str) -> LibraryModel:
        found = self._library.resolve(name)
        if found.fault is not None:
            raise found.fault.error(found.title)
        if not found.kind.writes_text:
            raise cannot_chat(found.title, found.kind)
        return found

    # -- doing ---------------------------------------------------------------------------------------

    def compare(
        self,
        prospect: Comparison,
        prompts: Sequence[str],
        chosen: SamplingValues,
        *,
        system: str = "",
        max_tokens: int = MAX_TOKENS,
        heard: Heard = unheard_side,
        cancelled: Cancelled = never,
    ) -> tuple[Compared, ...]:
        """Each prompt to each model, in a conversation of its own. ``heard`` is told of loads and of answers as they
        are written, on other threads.

        Raises HeftError: what the engine says; UsageError without prompts; CancelledError.
        """
        if not prompts or not all(prompt.strip() for prompt in prompts):
            raise UsageError(tr("There is no prompt."), tr("Give one with --prompt."))
        if prospect.rests:
            self._rest(cancelled)
        first, second = (self._side(number, prospect, prompts, chosen, system, max_tokens, heard) for number in (0, 1))
        try:
            if prospect.together:
                _both((first, second), cancelled)
                thoughts = first.think(second.answered, cancelled), second.think(first.answered, cancelled)
            else:
                first.answer(cancelled)
                first.close()
                second.answer(cancelled)
                later = second.think(first.answered, cancelled)
                second.close()
                thoughts = first.think(second.answered, cancelled), later
        finally:
            first.close()
            second.close()
        if cancelled():
            raise CancelledError
        return tuple(map(_compared, prompts, first.answered, second.answered, *thoughts))

    def _side(
        self,
        number: int,
        prospect: Comparison,
        prompts: Sequence[str],
        chosen: SamplingValues,
        system: str,
        max_tokens: int,
        heard: Heard,
    ) -> SideRun:
        model, plan = prospect.models[number], prospect.plans[number]
        sampling = sampling_of(self._sampling.defaults(plan.path), {**FIXED, **chosen})
        answers = self._answers.for_answer(plan.ref)
        said = (ChatMessage("system", system),) if system else ()
        requests = [
            Generate(
                0, (*said, ChatMessage("user", prompt)), sampling=sampling, max_tokens=max_tokens,
                template=answers.template, thinking=answers.thinking, effort=answers.effort,
            )
            for prompt in prompts
        ]  # fmt: skip
        load = Load.of(plan)
        if answers.template:
            load = msgspec.structs.replace(load, template=answers.template)
        return SideRun(number, model, load, requests, self._start, heard)

    # -- votes ---------------------------------------------------------------------------------------

    def vote(self, models: tuple[LibraryModel, LibraryModel], choice: Choice, prompt: str) -> Tally:
        """Keep a vote that was given without knowing which is which; the count with it. Raises StoreError."""
        digest = hashlib.sha256(prompt.encode()).hexdigest()
        try:
            self._votes.add(vote_between(_signs(models), choice, digest, time.time()))
        except OSError as error:
            raise StoreError(
                tr("The vote could not be saved: {strerror}.", strerror=error.strerror),
                tr("Check the free space on the disk."),
            ) from error
        return self.tally(models)

    def tally(self, models: tuple[LibraryModel, LibraryModel]) -> Tally:
        """How many votes each of the two has, the first one's first."""
        return tally_of(self._votes.all(), _signs(models))


def _signs(models: tuple[LibraryModel, LibraryModel]) -> tuple[str, str]:
    first, second = models
    return sign_of(first.title, first.size_bytes), sign_of(second.title, second.size_bytes)


def _uses_cores(plan: LoadPlan) -> bool:
    """Whether the processor computes a part of the model."""
    return plan.fit is None or plan.fit.placement != "gpu"


def _with_half(plan: LoadPlan) -> LoadPlan:
    threads = max(1, plan.threads // 2)
    return replace(plan, threads=threads, asked=replace(plan.asked, threads=threads))


def _within(need: Mapping[str, int], room: Mapping[str, int]) -> bool:
    return all(size <= room.get(device, 0) for device, size in need.items())


def _both(runs: tuple[SideRun, SideRun], cancelled: Cancelled) -> None:
    """Both at once. Where one fails the other stops; the failure is raised."""
    failed = threading.Event()
    over = lambda: failed.is_set() or cancelled()  # noqa: E731

    def answer(run: SideRun) -> None:
        try:
            run.answer(over)
        except BaseException:
            failed.set()
            for one in runs:
                one.stop()
            raise

    with ThreadPoolExecutor(2, "compare") as pool:
        ended = [pool.submit(answer, run) for run in runs]
        try:
            wait(ended)
        except BaseException:  # Ctrl+C: the pool's end waits for both
            failed.set()
            for run in runs:
                run.stop()
            raise
    failures = [one.exception() for one in ended]
    raised = next((one for one in failures if one is not None and not isinstance(one, CancelledError)), None)
    raised = raised or next((one for one in failures if one is not None), None)
    if raised is not None:
        raise raised


def _compared(prompt: str, first: Answered, second: Answered, mine: Thought | None, its: Thought | None) -> Compared:
    written = ["".join(one.written.pieces) for one in (first, second)]
    parting = first_difference(*written)
    texts = first.side.text, second.side.text
    in_reasoning = parting is not None and (
        first.side.reasoning != second.side.reasoning and bool(first.side.reasoning or second.side.reasoning)
    )
    return Compared(
        prompt, (first.side, second.side), first_difference(*texts),
        (mine, its) if mine is not None and its is not None else None, in_reasoning,
    )  # fmt: skip
