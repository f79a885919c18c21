"""A model held by a server and asked as the engine's client asks it; what is heard is taken apart as in a chat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.llama_server import held_model
from support.speaker import GREEDY

from desktop.engine.api import ChatMessage, Event, Finished, Generate, Role, Sampling, Text
from desktop.engine.server.answer import Answer
from desktop.engine.server.held import Held
from desktop.engine.server.questions_asked import Question
from desktop.engine.tools.renderer import Renderer
from desktop.services.chat.answer_parts import NOTHING, AnswerParts, Part

CONTEXT = 8192
_SECONDS = 20.0


def said(*turns: tuple[Role, str]) -> tuple[ChatMessage, ...]:
    return tuple(ChatMessage(role, text) for role, text in turns)


@dataclass
class Heard:
    """One answer. ``raw`` is what the engine gave as text, ``reasoning`` and ``text`` what a chat makes of all."""

    reasoning: str
    text: str
    raw: str
    finished: Finished


class Family:
    """One template, with its server."""

    def __init__(self, held: Held) -> None:
        self.held = held

    def question(self, messages: tuple[ChatMessage, ...], **options: object) -> Question:
        request = Generate(1, messages, **({"sampling": GREEDY} | options))  # type: ignore[arg-type]
        return self.held.questions.question(request)

    def prompt(self, messages: tuple[ChatMessage, ...], **options: object) -> str:
        """What the server reads for these messages."""
        return self.prompt_of(self.question(messages, **options))

    def prompt_of(self, question: Question) -> str:
        """What the server reads for a question: its own rendering of the very body that is sent."""
        if "prompt" in question.body:
            return str(question.body["prompt"])
        return str(self.held.endpoint.post("/apply-template", question.body, deadline_seconds=_SECONDS)["prompt"])

    def tokens(self, prompt: str) -> int:
        """How many tokens the server makes of a prompt."""
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return len(self.held.endpoint.post("/tokenize", body, deadline_seconds=_SECONDS)["tokens"])

    def ask(
        self,
        messages: tuple[ChatMessage, ...],
        sampling: Sampling = GREEDY,
        begun: Part = NOTHING,
        **options: object,
    ) -> Heard:
        """The answer; ``begun`` is what a chat has of it already, where it goes on."""
        request = Generate(1, messages, sampling=sampling, **options)  # type: ignore[arg-type]
        events: list[Event] = []
        held = self.held
        answer = Answer(request, held.endpoint, held.process, held.loaded.context_length, 1, None, events.append)
        answer.run(held.questions.question(request))
        parts = AnswerParts(begun=begun)
        found = [parts.take(event) for event in events if isinstance(event, Text)]
        reasoning = text = ""
        for part in [*found, parts.finish()]:
            if part.turned:
                reasoning, text = reasoning + text, ""
            reasoning, text = reasoning + part.reasoning, text + part.text
        finished = events[-1]
        assert isinstance(finished, Finished)
        raw = "".join(event.text for event in events if isinstance(event, Text))
        return Heard(reasoning, text, raw, finished)


@contextmanager
def family(path: Path, folder: Path, shared: Renderer | None = None, context_length: int = CONTEXT) -> Iterator[Family]:
    """A model loaded; ``shared`` is a renderer to use for several."""
    with held_model(path, folder, context_length, shared) as held:
        yield Family(held)
