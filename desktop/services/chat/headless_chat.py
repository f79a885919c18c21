"""Answers for callers that wait, with what was thought told apart from what is said: the command line."""

from __future__ import annotations

import queue
from collections.abc import Callable

from desktop.engine.api import EngineDied, Failed, Finished, Generate, PromptProgress, Text
from desktop.services.chat.answer_parts import AnswerParts, Part
from desktop.services.engine.headless import HeadlessEngine, death_error
from desktop.services.engine.supervisor import AnswerEvent


class HeadlessChat(HeadlessEngine):
    """A :class:`HeadlessEngine` that tells reasoning from answers."""

    def answer_in_parts(
        self,
        request: Generate,
        on_part: Callable[[Part], None],
        on_prompt: Callable[[float], None] = lambda _: None,
        *,
        tagged: bool = True,
    ) -> Finished:
        """Generate and wait; ``on_part`` hears each batch, ``on_prompt`` the fraction of the prompt read.

        ``tagged``: the engine may leave reasoning in the text, between tags. Raises HeftError as ``answer`` does.
        """
        events: queue.SimpleQueue[AnswerEvent] = queue.SimpleQueue()
        parts = AnswerParts(tagged=tagged)
        with self._interruptible():
            self._engine.generate(request, events.put)
            while True:
                event = events.get()
                match event:
                    case Text():
                        if part := parts.take(event):
                            on_part(part)
                    case PromptProgress(done=done, total=total):
                        on_prompt(done / max(1, total))
                    case Finished() | Failed() | EngineDied():
                        if part := parts.finish():
                            on_part(part)
                        return _ended(event)


def _ended(event: Finished | Failed | EngineDied) -> Finished:
    match event:
        case Failed():
            raise event.error()
        case EngineDied():
            raise death_error(event)
    return event
