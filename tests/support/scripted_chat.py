"""The chat service on a real store; only the engine is a script, and the clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.plans import plain_plan

from desktop.core.tool_calls import CalledTool
from desktop.engine.api import Finished, FinishReason, Generate, Loaded, Memory, Statistics, Text
from desktop.services.chat.chat import ChatService
from desktop.services.chat.events import ChatEvent, TextAdded
from desktop.services.engine.supervisor import AnswerEvent, EngineState
from desktop.services.tools.service import ToolService
from desktop.store.chats import ChatStore, Message

PLAN = plain_plan(Path("model.gguf"))
LOADED = Loaded("model.gguf", "a model", 2048, 2048, 2, 0, 1, "model", Memory(1, 1, 1, 1, 1, 1), 0.1)


class Script:
    """An engine with a model; the test says what it answers."""

    def __init__(self) -> None:
        self.state = EngineState("ready", PLAN, loaded=LOADED)
        self.last_plan = PLAN
        self.requests: list[Generate] = []
        self._answer: Callable[[AnswerEvent], None] | None = None

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        return lambda: None

    def generate(self, request: Generate, listener: Callable[[AnswerEvent], None]) -> int:
        self.requests.append(request)
        self._answer = listener
        return len(self.requests)

    def cancel(self) -> None:
        self.finish("cancelled")

    def say(self, text: str = "", reasoning: str = "") -> None:
        assert self._answer is not None
        self._answer(Text(1, text, 1, 2, 10.0, reasoning=reasoning))

    def finish(self, reason: FinishReason = "stop", *calls: CalledTool) -> None:
        assert self._answer is not None
        answer, self._answer = self._answer, None
        answer(Finished(1, reason, Statistics(1, 0, 1, 2, 2048, 0.1, 10.0, 10.0, 1), calls=calls))


class Talk:
    """One chat; ``heard`` is what its listeners were told."""

    def __init__(self, path: Path, tools: Callable[[], ToolService] | None = None) -> None:
        self.now = 100.0
        self.engine = Script()
        self.store = ChatStore(path)
        self.service = ChatService(
            self.store,
            self.engine,  # type: ignore[arg-type]
            tools=tools,
            clock=lambda: self.now,
        )
        self.heard: list[ChatEvent] = []
        self.service.subscribe(self.heard.append)
        self.chat = self.store.create().id

    def close(self) -> None:
        self.service.close()
        self.store.close()

    def ask(self, text: str = "Hello?") -> None:
        self.service.send(self.chat, text)

    @property
    def last(self) -> Message:
        return self.store.messages(self.chat)[-1]

    @property
    def shown(self) -> tuple[str, str]:
        """Reasoning and text as a window has them that heard all events."""
        reasoning = text = ""
        for event in self.heard:
            if isinstance(event, TextAdded):
                if event.turned:
                    reasoning, text = reasoning + text, ""
                reasoning, text = reasoning + event.reasoning, text + event.text
        return reasoning, text
