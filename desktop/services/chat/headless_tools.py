"""Answers that call tools, for callers that wait: the command line. Nothing is called without leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from desktop.core.cancelled import CancelledError
from desktop.core.tool_calls import OPEN, ToolCall
from desktop.engine.api import ChatMessage, Finished, FinishReason, Generate, Statistics
from desktop.services.chat.answer_parts import NOTHING, Part
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.chat.running import ROUNDS
from desktop.services.chat.tool_calling import answered, begun, declined, unanswered
from desktop.services.engine.headless import interruptible

if TYPE_CHECKING:
    from desktop.services.tools.offered import OfferedTool
    from desktop.services.tools.permissions import Decision
    from desktop.services.tools.service import ToolService

Named = tuple[str, str]  # a server and a tool of it
Ask = Callable[[ToolCall, "OfferedTool"], "Decision | None"]  # None: the answer is to stop


@dataclass(frozen=True)
class ToolAnswer:
    """An answer with all that was called for it. ``finished`` has the figures of the whole, ``last`` those of what was
    written after the last call; ``turns`` are the conversation's from the question on.
    """

    finished: Finished
    last: Statistics
    turns: tuple[ChatMessage, ...]
    calls: tuple[ToolCall, ...] = ()


class HeadlessTools:
    """One conversation at a time; calls are made one after the other, on the caller's thread."""

    def __init__(
        self,
        chat: HeadlessChat,
        tools: Callable[[], ToolService],
        offered: Sequence[OfferedTool] = (),
        *,
        ask: Ask,
        go_on: Callable[[int], bool],
        tell: Callable[[ToolCall], None],
        allowed: Collection[Named] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``ask`` is for a call that was not allowed yet, ``go_on`` for one more after so many rounds of calls;
        ``tell`` hears each change of a call. ``allowed`` needs no asking.
        """
        self.offered = {tool.spec.name: tool for tool in offered}
        self._chat, self._tools = chat, tools
        self._ask, self._go_on, self._tell, self._allowed, self._clock = ask, go_on, tell, frozenset(allowed), clock
        self._conversation = -1  # no number that a chat of the window has

    def begin_again(self) -> None:
        """Another conversation: what was allowed in the one before is asked for again."""
        self._conversation -= 1

    def offering(self, request: Generate) -> Generate:
        """A question with the tools that its model may call."""
        return msgspec.structs.replace(request, tools=tuple(tool.spec for tool in self.offered.values()))

    def answer(
        self,
        request: Generate,
        on_part: Callable[[Part], None],
        on_prompt: Callable[[float], None] = lambda _: None,
        *,
        tagged: bool = True,
        context_length: int = 0,
    ) -> ToolAnswer:
        """Answer, calling what the model asks for. ``on_part`` hears the whole answer's parts.

        ``tagged`` is as for :meth:`HeadlessChat.answer_in_parts`, whose HeftErrors are raised; ``context_length``, in
        tokens, bounds what the model is told of a result.
        """
        request = self.offering(request)
        turns: list[ChatMessage] = []
        calls: list[ToolCall] = []
        figures: Statistics | None = None
        heard = _Heard(on_part)
        rounds, until = 0, ROUNDS
        while True:
            asked = msgspec.structs.replace(request, messages=(*request.messages, *turns))
            finished = self._chat.answer_in_parts(asked, heard.take, on_prompt, tagged=tagged and not rounds)
            figures = _joined(figures, finished.statistics)
            said = ChatMessage("assistant", heard.own.text, heard.own.reasoning)
            heard.begin_round()
            reason: FinishReason | None = finished.reason if finished.reason != "tool-calls" else None
            if reason is None:
                rounds += 1
                taken = {call.id for call in calls}
                made = [begun(one, self.offered, taken, rounds) for one in finished.calls]
                if rounds > until:
                    until, reason = (until + ROUNDS, None) if self._go_on(until) else (until, "tool-calls")
                if reason is None and not self._made(made, context_length):
                    reason = "cancelled"
                made = [self._told(unanswered(call)) if call.state in OPEN else call for call in made]
                calls += made
                said = msgspec.structs.replace(said, calls=tuple(call.called for call in made))
                turns += [said, *(ChatMessage("tool", call.result, answers=call.id) for call in made)]
            else:
                turns.append(said)
            if reason is not None:
                whole = msgspec.structs.replace(finished, reason=reason, statistics=figures)
                return ToolAnswer(whole, finished.statistics, tuple(turns), tuple(calls))

    def _made(self, calls: list[ToolCall], context_length: int) -> bool:
        """Make those that can be, in order; whether all are over: False where a person stopped the answer."""
        for place, call in enumerate(calls):
            if call.state not in OPEN:
                self._tell(call)
                continue
            ended = self._one(call, context_length)
            if ended is None:
                return False
            calls[place] = self._told(ended)
        return True

    def _one(self, call: ToolCall, context_length: int) -> ToolCall | None:
        offered = self.offered[call.name]
        tools = self._tools()
        permissions = tools.permissions
        known = (call.server, call.tool) in self._allowed
        if not known and not permissions.allowed(self._conversation, call.server, offered.found):
            decision = self._ask(call, offered)
            if decision is None:
                return None
            if decision == "no":
                return declined(call)
            permissions.remember(decision, self._conversation, call.server, offered.found)
        self._tell(msgspec.structs.replace(call, state="running"))
        stopped = threading.Event()
        try:
            with interruptible(stopped.set):
                return answered(call, tools, context_length, stopped.is_set, self._clock)
        except CancelledError:
            return None

    def _told(self, call: ToolCall) -> ToolCall:
        self._tell(call)
        return call


class _Heard:
    """Parts of the rounds of one answer, as they stand in the whole: later thoughts begin a paragraph."""

    def __init__(self, on_part: Callable[[Part], None]) -> None:
        self._on_part = on_part
        self.own = NOTHING  # of this round
        self._thought = False  # in an earlier one
        self._seconds = 0.0  # of thinking in the earlier ones

    def take(self, part: Part) -> None:
        own = self.own
        if part.turned:
            own = replace(own, reasoning=own.reasoning + own.text, text="")
        apart = "\n\n" if part.reasoning and self._thought and not own.reasoning else ""
        self.own = replace(
            own,
            reasoning=own.reasoning + part.reasoning,
            text=own.text + part.text,
            reasoning_seconds=part.reasoning_seconds,
        )
        seconds = self._seconds + part.reasoning_seconds
        self._on_part(replace(part, reasoning=apart + part.reasoning, reasoning_seconds=seconds))

    def begin_round(self) -> None:
        self._thought = self._thought or bool(self.own.reasoning)
        self._seconds += self.own.reasoning_seconds
        self.own = NOTHING


def _joined(before: Statistics | None, last: Statistics) -> Statistics:
    """The figures of an answer: what was written adds up, the first word is that of the first round."""
    if before is None:
        return last
    return msgspec.structs.replace(
        last,
        generated_tokens=before.generated_tokens + last.generated_tokens,
        drafted_tokens=before.drafted_tokens + last.drafted_tokens,
        accepted_tokens=before.accepted_tokens + last.accepted_tokens,
        seconds_to_first_token=before.seconds_to_first_token,
    )
