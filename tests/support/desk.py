"""Store, engine and chat service together, as under a window, with every event in a queue."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path

from support.plans import plain_plan

from desktop.services.chat.chat import ChatService
from desktop.services.chat.events import ChatEvent, MessageFinished
from desktop.services.engine.supervisor import EngineService, EngineState
from desktop.services.tools.service import ToolService
from desktop.store.chats import ChatStore, Message
from desktop.store.paths import Paths

GREEDY = {"temperature": 0.0}
DEADLINE_SECONDS = 60.0
ENDLESS_CONTEXT = 65536  # tokens; no test waits until so many are written


class Desk:
    """``events`` holds what the chat said, ``states`` what the engine was."""

    def __init__(self, paths: Paths, tools: Callable[[], ToolService] | None = None) -> None:
        paths.data.mkdir(parents=True, exist_ok=True)
        self.store = ChatStore(paths.chats)
        self.engine = EngineService(paths)
        self.chat = ChatService(self.store, self.engine, tools=tools)
        self.events: queue.Queue[ChatEvent] = queue.Queue()
        self.states: queue.Queue[EngineState] = queue.Queue()
        self.chat.subscribe(self.events.put)
        self.engine.subscribe(self.states.put)

    def close(self) -> None:
        self.chat.close()
        self.engine.close()
        self.store.close()

    def wait(self, kind: type[ChatEvent], seconds: float = DEADLINE_SECONDS) -> ChatEvent:
        """The next event of this kind."""
        while True:
            event = self.events.get(timeout=seconds)
            if isinstance(event, kind):
                return event

    def answered(self, seconds: float = DEADLINE_SECONDS) -> Message:
        """The next answer that ended, in whatever way."""
        event = self.wait(MessageFinished, seconds)
        assert isinstance(event, MessageFinished)
        return event.message

    def new_chat(self, max_tokens: int = 24) -> int:
        """A chat with greedy sampling; its number."""
        chat = self.store.create(sampling=GREEDY)
        self.store.update(chat.id, max_tokens=max_tokens)
        return chat.id

    def load(self, path: Path, context_length: int = 2048, seconds: float = DEADLINE_SECONDS) -> EngineState:
        """Load a model and wait until it is ready, refused, or the engine died of it."""
        while not self.states.empty():
            self.states.get_nowait()
        self.engine.load(plain_plan(path, context_length, name=path.stem))
        while True:
            state = self.states.get(timeout=seconds)
            if state.phase in ("ready", "died") or state.failure is not None:
                return state
