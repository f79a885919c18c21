"""Two models on the same prompts, one after the other, so that neither takes the other's cores; where they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desktop.core.errors import UsageError
from desktop.core.load_settings import LoadSettings
from desktop.core.sampling_fields import SamplingValues
from desktop.engine.api import ChatMessage, Finished, Generate
from desktop.services.chat.answer_parts import Part
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.sampling import SamplingService, sampling_of
from desktop.services.models.answer_settings import AnswerSettingsService
from desktop.services.models.kind_words import cannot_chat
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.planning.service import PlanningService

_BEFORE = 40  # characters that are told of what both wrote alike
_AFTER = 60  # and of what each went on with


@dataclass(frozen=True)
class Side:
    """One model's answer to one prompt; rates in tokens per second, ``reason`` why it ended."""

    model: str
    path: str
    text: str
    reasoning: str
    tokens_per_second: float
    generated_tokens: int
    seconds_to_first_token: float
    reason: str


@dataclass(frozen=True)
class Difference:
    """Where two answers part: ``at`` characters from the beginning, after ``alike``, one goes on with each text."""

    at: int
    alike: str
    texts: tuple[str, str]


@dataclass(frozen=True)
class Compared:
    """Two answers to one prompt; ``difference`` None where they are the same."""

    prompt: str
    sides: tuple[Side, Side]
    difference: Difference | None


class ComparingService:
    """For callers that wait; the engine is taken for one model after the other."""

    def __init__(
        self,
        library: LibraryService,
        planning: Callable[[], PlanningService],
        sampling: SamplingService,
        answers: AnswerSettingsService,
    ) -> None:
        self._library, self._planning, self._sampling, self._answers = library, planning, sampling, answers

    def compare(
        self,
        engine: HeadlessChat,
        models: tuple[str, str],
        prompts: Sequence[str],
        chosen: SamplingValues,
        *,
        system: str = "",
        max_tokens: int = 0,
        context: int = 0,
        heard: Callable[[str, float], None] = lambda _model, _fraction: None,
    ) -> tuple[Compared, ...]:
        """Each prompt to each model, in a conversation of its own. ``heard`` is told of each load and answer.

        Raises HeftError: not found, what the engine says; UsageError without prompts.
        """
        if not prompts or not all(prompt.strip() for prompt in prompts):
            raise UsageError("There is no prompt.", "Give one with --prompt.")
        found = tuple(self._library.resolve(name) for name in models)
        for model in found:
            if model.fault is not None:
                raise model.fault.error(model.title)
            if not model.kind.writes_text:
                raise cannot_chat(model.title, model.kind)
        sides = [
            self._answers_of(engine, model, prompts, chosen, system, max_tokens, context, heard) for model in found
        ]
        return tuple(
            Compared(prompt, (first, second), first_difference(first.text, second.text))
            for prompt, first, second in zip(prompts, *sides, strict=True)
        )

    def _answers_of(
        self,
        engine: HeadlessChat,
        model: LibraryModel,
        prompts: Sequence[str],
        chosen: SamplingValues,
        system: str,
        max_tokens: int,
        context: int,
        heard: Callable[[str, float], None],
    ) -> list[Side]:
        plan = self._planning().for_load(model.ref, LoadSettings(context=context or None))
        loaded = engine.load(plan, lambda fraction: heard(f"Loading {model.title}", fraction))
        sampling = sampling_of(self._sampling.defaults(plan.path), chosen)
        answers = self._answers.for_answer(plan.ref)
        sides = []
        for number, prompt in enumerate(prompts):
            heard(f"{model.title} answers", number / len(prompts))
            said = (ChatMessage("system", system),) if system else ()
            request = Generate(
                0, (*said, ChatMessage("user", prompt)), sampling=sampling, max_tokens=max_tokens,
                template=answers.template, thinking=answers.thinking, effort=answers.effort,
            )  # fmt: skip
            collected = _Collected()
            finished = engine.answer_in_parts(request, collected.add, tagged=loaded.template != "none")
            sides.append(collected.side(model, finished))
        return sides


class _Collected:
    """An answer as it comes."""

    def __init__(self) -> None:
        self._text = self._reasoning = ""

    def add(self, part: Part) -> None:
        """One more part."""
        if part.turned:  # what stood there was reasoning
            self._text, self._reasoning = "", self._reasoning + self._text
        self._reasoning += part.reasoning
        self._text += part.text

    def side(self, model: LibraryModel, finished: Finished) -> Side:
        """The whole of it, with its figures."""
        figures = finished.statistics
        return Side(
            model.title, str(model.path), self._text, self._reasoning, figures.tokens_per_second,
            figures.generated_tokens, figures.seconds_to_first_token, finished.reason,
        )  # fmt: skip


def first_difference(first: str, second: str) -> Difference | None:
    """Where two texts part; None where they are the same. A text that ends before the other parts at its end."""
    if first == second:
        return None
    shorter = min(len(first), len(second))
    at = next((place for place in range(shorter) if first[place] != second[place]), shorter)
    return Difference(at, first[max(0, at - _BEFORE) : at], (first[at : at + _AFTER], second[at : at + _AFTER]))
