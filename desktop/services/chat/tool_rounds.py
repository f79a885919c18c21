"""The tools that an answer calls: asked for, called one after the other, and told to its model."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.tool_calls import OPEN, CalledTool, ToolCall, ToolSpec
from desktop.core.tool_choice import TakenOut
from desktop.engine.api import Loaded
from desktop.services.chat.events import ChatEvent, ToolAsked, ToolQuestion, ToolsCalled
from desktop.services.chat.requests import Requests
from desktop.services.chat.running import ROUNDS, RunningAnswer
from desktop.services.chat.tool_calling import answered, begun, declined, unanswered
from desktop.store.chats import ChatStore

if TYPE_CHECKING:
    from desktop.services.tools.offered import OfferedTool
    from desktop.services.tools.permissions import Decision
    from desktop.services.tools.service import ToolService


@dataclass
class _Asked:
    """A question that waits for a person."""

    question: ToolQuestion
    answers: queue.SimpleQueue[Decision | None]


class ToolRounds:
    """One answer at a time, as chats have them. Thread-safe."""

    def __init__(
        self,
        store: ChatStore,
        requests: Requests,
        tools: Callable[[], ToolService],
        tell: Callable[[ChatEvent], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._requests, self._tools, self._tell = store, requests, tools, tell
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: _Asked | None = None
        self._numbers = 0
        self._counted: tuple[tuple[Loaded | None, tuple[ToolSpec, ...]], int] | None = None

    @property
    def wanted(self) -> bool:
        """Whether the model that is loaded has tools to be offered, so that servers may have to be waited for."""
        return self._requests.knows_tools and self._tools().any_on

    @property
    def knows(self) -> bool | None:
        """Whether the model that is loaded can call tools; None without one."""
        return self._requests.knows_tools if self._requests.engine.state.loaded is not None else None

    def tokens(self, offered: Sequence[OfferedTool]) -> int | None:
        """What these tools add to each question; None where nobody can count it now. Waits for the engine."""
        specs = tuple(tool.spec for tool in offered)
        if not specs or not self.knows or self._requests.engine.state.phase != "ready":
            return None
        key = self._requests.engine.state.loaded, specs
        if self._counted is None or self._counted[0] != key:
            asked, count = self._requests.task("?", 0), self._requests.engine.count
            try:
                self._counted = key, count(msgspec.structs.replace(asked, tools=specs)) - count(asked)
            except HeftError:
                return None
        return self._counted[1]

    def warm_up(self, out: TakenOut = ()) -> None:
        """A question is being written: begin to start the servers, but for those of which its chat uses nothing. Those
        that run, or were tried just now, stay.
        """
        if self.wanted:
            self._tools().start_all(out)

    @property
    def question(self) -> ToolQuestion | None:
        """What waits for a person now."""
        asked = self._asked
        return asked.question if asked is not None else None

    def decide(self, number: int, decision: Decision) -> None:
        """Answer a question; one that is over is not answered any more."""
        with self._lock:
            asked = self._asked
        if asked is not None and asked.question.number == number:
            asked.answers.put(decision)

    def stop(self) -> None:
        """Nobody decides any more: the answer was stopped."""
        with self._lock:
            asked = self._asked
        if asked is not None:
            asked.answers.put(None)

    def offer(self, running: RunningAnswer) -> None:
        """Find out which tools the answer may call; waits for servers that start. Raises CancelledError."""
        out = self._store.chat(running.chat_id).model_view.tools_out
        offered = self._tools().offered(lambda: running.cancelled, out) if self.wanted else ()
        running.tools.offered = {tool.spec.name: tool for tool in offered}

    def run(self, running: RunningAnswer, called: tuple[CalledTool, ...]) -> None:
        """Do what the model asks for. Returns when it can go on; raises CancelledError when it was stopped, HeftError
        (a full disk). What came of each call is kept as soon as it is known.
        """
        use = running.tools
        use.rounds += 1
        message = self._store.message(running.message_id)
        taken = {call.id for call in use.calls}
        at, thought = len(message.content), len(message.reasoning)
        made = tuple(begun(one, use.offered, taken, use.rounds, at=at, thought=thought) for one in called)
        first = len(use.calls)
        use.calls = (*use.calls, *made)
        self._keep(running)
        try:
            if use.rounds > use.going_on:
                if self._ask(running, None) == "no":
                    raise CancelledError
                use.going_on = use.rounds + ROUNDS
            for place in range(first, first + len(made)):
                if use.calls[place].state in OPEN:
                    self._do(running, place)
        finally:
            self._stop_open(running)

    # -- one call --------------------------------------------------------------------------------

    def _do(self, running: RunningAnswer, place: int) -> None:
        call = running.tools.calls[place]
        offered = running.tools.offered[call.name]
        permissions = self._tools().permissions
        if not permissions.allowed(running.chat_id, call.server, offered.found):
            decision = self._ask(running, call)
            if decision == "no":
                self._change(running, place, declined(call))
                return
            permissions.remember(decision, running.chat_id, call.server, offered.found)
        self._change(running, place, msgspec.structs.replace(call, state="running"))
        loaded = self._requests.engine.state.loaded
        length = loaded.context_length if loaded is not None else 0
        self._change(running, place, answered(call, self._tools(), length, lambda: running.cancelled, self._clock))

    def _ask(self, running: RunningAnswer, call: ToolCall | None) -> Decision:
        """Wait for a person. Raises CancelledError where the answer was stopped instead."""
        offered: OfferedTool | None = running.tools.offered.get(call.name) if call is not None else None
        with self._lock:
            self._numbers += 1
            question = ToolQuestion(
                self._numbers,
                running.chat_id,
                running.message_id,
                call,
                offered.found.description if offered is not None else "",
                running.tools.rounds - 1,
            )
            asked = self._asked = _Asked(question, queue.SimpleQueue())
            stopped = running.cancelled
        try:
            self._tell(ToolAsked(running.chat_id, question))
            decision = None if stopped else asked.answers.get()
        finally:
            with self._lock:
                self._asked = None
            self._tell(ToolAsked(running.chat_id, None))
        if decision is None:
            raise CancelledError
        return decision

    # -- what is kept ----------------------------------------------------------------------------

    def _change(self, running: RunningAnswer, place: int, call: ToolCall) -> None:
        calls = list(running.tools.calls)
        calls[place] = call
        running.tools.calls = tuple(calls)
        self._keep(running)

    def _keep(self, running: RunningAnswer) -> None:
        calls = running.tools.calls
        self._store.set_tool_calls(running.message_id, calls)
        self._tell(ToolsCalled(self._store.message(running.message_id)))

    def _stop_open(self, running: RunningAnswer) -> None:
        calls = running.tools.calls
        ended = tuple(map(unanswered, calls))
        if ended != calls:
            running.tools.calls = ended
            self._keep(running)
