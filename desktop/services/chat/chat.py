"""Conversations: what a chat asks of the engine, kept in the store while it streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from desktop.core.answer_settings import AnswerSettings
from desktop.core.attachments import Enclosed
from desktop.core.cancelled import CancelledError
from desktop.core.errors import ContextFullError, EngineError, HeftError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.model_ref import ModelRef
from desktop.core.tool_calls import CalledTool, kept_with
from desktop.core.words import tr
from desktop.engine.api import (
    Benchmarked,
    EngineDied,
    Failed,
    Finished,
    PromptProgress,
    Text,
)
from desktop.services.chat.alternatives import Alternatives
from desktop.services.chat.answer_parts import AnswerParts, Part
from desktop.services.chat.end_states import FAILED_STATES, NOTES, STATES
from desktop.services.chat.events import (
    ChatEvent,
    ChatFailed,
    MessageAdded,
    MessageFinished,
    PromptRead,
    TextAdded,
)
from desktop.services.chat.requests import Requests
from desktop.services.chat.running import EndedAnswer, Endings, RunningAnswer, ToolUse, notes_before
from desktop.services.chat.sampling import FindDefaults, no_defaults
from desktop.services.chat.settling import Settle, Settling
from desktop.services.chat.title import title_from
from desktop.services.chat.tool_rounds import ToolRounds
from desktop.services.chat.versions import Version
from desktop.services.chat.views import ModelViews
from desktop.services.engine.headless import death_error
from desktop.services.engine.supervisor import AnswerEvent, EngineService, EngineState
from desktop.store.chats import Chat, ChatStore, MessageState
from desktop.system.listeners import Listeners
from desktop.system.spawn import start_thread

if TYPE_CHECKING:
    from desktop.services.tools.service import ToolService

_SAVE_SECONDS = 0.5  # a killed process loses at most this much text


class ChatService:
    """One answer at a time, for any chat. Thread-safe; listeners are called on a background thread mostly."""

    def __init__(
        self,
        store: ChatStore,
        engine: EngineService,
        replan: Callable[[LoadPlan], LoadPlan] = lambda plan: plan,
        defaults: FindDefaults = no_defaults,
        answers: Callable[[ModelRef], AnswerSettings] = lambda _ref: AnswerSettings(),
        settle: Settle = lambda _chat, _branch, _text, files, _cancelled: files,
        *,
        tools: Callable[[], ToolService] | None = None,
        clock: Callable[[], float] = time.monotonic,
        alternatives: Callable[[], bool] = lambda: False,
    ) -> None:
        """``replan`` says how the model of a plan would be loaded now: settings may have changed since it died.
        ``defaults`` is how a model is sampled where a chat says nothing, ``answers`` how it is asked, as it is set
        now; ``settle`` says what goes out of the documents of a message; ``tools`` has what a model may call, None:
        nothing. ``clock`` measures how long one thinks, in seconds. ``alternatives``: whether an answer is to keep what
        the model could have written instead.
        """
        self._replan, self._settling = replan, Settling(settle)
        self._listeners = Listeners[ChatEvent]()
        self._emit = self._listeners.tell
        self._clock = clock
        self._store = store
        self.alternatives = Alternatives()
        self._requests = Requests(store, engine, defaults, answers, alternatives)
        self.views = ModelViews(store, self._requests, self._emit)
        self._engine = engine
        self.tools = ToolRounds(store, self._requests, tools, self._emit, clock) if tools is not None else None
        self._lock = threading.RLock()
        self._running: RunningAnswer | None = None
        self._apart: set[str] = set()  # models whose reasoning the engine tells apart
        self._endings = Endings(store)
        self._unsubscribe = engine.subscribe(self._on_engine)

    @property
    def busy(self) -> bool:
        """An answer is being written or waits for its model, or what was said before is being summarised."""
        return self._running is not None or self.views.summarising

    @property
    def answering(self) -> tuple[int, int] | None:
        """Chat and message being answered, None when idle."""
        running = self._running
        return (running.chat_id, running.message_id) if running else None

    def subscribe(self, listener: Callable[[ChatEvent], None]) -> Callable[[], None]:
        """Hear every event; returns the way to stop hearing."""
        return self._listeners.add(listener)

    def send(self, chat_id: int, text: str, files: Sequence[Enclosed] = ()) -> None:
        """Add a user message and answer it. Raises EngineError while another answer is being written."""
        self._refuse_when_busy()
        branch = self._store.messages(chat_id)
        parent = branch[-1].id if branch else None
        files = self._settling.settled(self._store.chat(chat_id), branch, text, files)
        user = self._store.add(chat_id, parent, "user", text, attachments=files)
        if not branch and not self._store.chat(chat_id).title:
            named = text if text.strip() or not files else files[0].attachment.name
            self._store.update(chat_id, title=title_from(named))
        self._emit(MessageAdded(user))
        self._begin(chat_id, user.id)

    def regenerate(self, message_id: int) -> None:
        """Answer the same user message again, as a new branch beside the old answer."""
        self._refuse_when_busy()
        message = self._store.message(message_id)
        if message.role == "user":
            self._begin(message.chat_id, message.id)
        else:
            self._begin(message.chat_id, message.parent_id, Version(self._store.messages(message.chat_id)[-1].id))

    def edit(self, message_id: int, text: str, files: Sequence[Enclosed] = ()) -> None:
        """Put an edited message beside the old one as a new branch; a user message is answered again."""
        self._refuse_when_busy()
        old = self._store.message(message_id)
        leaf = self._store.messages(old.chat_id)[-1].id
        before = [message for message in self._store.messages(old.chat_id) if message.id < message_id]
        files = self._settling.settled(self._store.chat(old.chat_id), before, text, files)
        edited = self._store.add(
            old.chat_id,
            old.parent_id,
            old.role,
            text,
            model=old.model,
            reasoning=old.reasoning,
            reasoning_seconds=old.reasoning_seconds,
            attachments=files,
        )
        if calls := kept_with(text, old.tool_calls, old.content):
            self._store.set_tool_calls(edited.id, calls)
            edited = self._store.message(edited.id)
        self._emit(MessageAdded(edited))
        if old.role == "user":
            self._begin(old.chat_id, edited.id, Version(leaf, edited.id, (old.id, text, files)))

    def continue_(self, message_id: int) -> None:
        """Go on writing an answer that was stopped, cut or interrupted."""
        self._refuse_when_busy()
        message = self._store.message(message_id)
        begun = Part(message.reasoning, message.content, reasoning_seconds=message.reasoning_seconds)
        use = ToolUse(calls=message.tool_calls, rounds=max((call.round for call in message.tool_calls), default=0))
        use.going_on += use.rounds
        self._start(RunningAnswer(message.chat_id, message.id, begun, tools=use))

    def stop(self) -> None:
        """End the running answer, whose text stays, or what is done before it: a summary, a search of documents."""
        with self._lock:
            running = self._running
            self.views.cancel()
            self._settling.stop()
            if running is None:
                return
            running.cancelled = True
            waiting, calling = running.waiting, running.tools.calling
        if calling:
            if self.tools is not None:
                self.tools.stop()  # its thread ends the answer
        elif waiting:
            self._finish("stopped", {}, "")
        else:
            self._engine.cancel()

    def summarise(self, chat_id: int, message_id: int) -> None:
        """Let the model summarise the earlier turns, so that this answer has room; it waits for that.

        Raises HeftError, and CancelledError after :meth:`stop`: the model sees what it saw before.
        """
        self._refuse_when_busy()
        self.views.summarise(chat_id, message_id)

    def media_tokens(self, enclosed: Enclosed) -> int:
        """How many tokens a picture or sound is for the loaded model; waits for the engine. Raises HeftError."""
        return self._requests.media_tokens(enclosed)

    def close(self) -> None:
        """Save what was received and stop listening to the engine."""
        self._unsubscribe()
        with self._lock, suppress(StoreError):
            if self._running is not None:
                self._running.add(self._running.parts.finish())
                self._running.save(self._store)
            self._endings.write_left()

    # -- inside ----------------------------------------------------------------------------------

    def _refuse_when_busy(self) -> None:
        if self.busy:
            raise EngineError(tr("An answer is still being written."), tr("Stop it first."), kind=FailureKind.BUSY)
        self._endings.write_left()

    def _begin(self, chat_id: int, parent_id: int | None, beside: Version | None = None) -> None:
        model = self._engine.state.model_name or self._store.chat(chat_id).model
        answer = self._store.add(chat_id, parent_id, "assistant", "", state="streaming", model=model)
        self._emit(MessageAdded(answer))
        version = replace(beside, first=beside.first or answer.id) if beside is not None else None
        self._start(RunningAnswer(chat_id, answer.id, version=version))

    def _start(self, running: RunningAnswer) -> None:
        with self._lock:
            self._running = running
        phase = self._engine.state.phase
        if phase == "loading":
            return  # _on_engine goes on when the model is there
        if phase == "ready":
            self._generate()
            return
        again = self._engine.last_plan
        if phase == "asleep" and again is not None and not again.gpu_layers:
            self._engine.load(again)  # as it was planned: only its memory was lent to others
            return
        if again is None:
            self._fail(EngineError(tr("No model is loaded."), tr("Choose a model first."), kind=FailureKind.NO_MODEL))
            return
        try:
            self._engine.load(self._replan(again))
        except HeftError as error:  # what is set cannot be loaded
            self._fail(error)

    def _on_engine(self, state: EngineState) -> None:
        with self._lock:
            waiting = self._running is not None and self._running.waiting
        if not waiting:
            return
        if state.phase == "ready":
            self._generate()
        elif state.phase == "died" and state.died is not None:
            self._fail(death_error(state.died))
        elif state.phase == "stopped" and state.failure is not None:
            self._fail(state.failure)

    def _generate(self) -> None:
        with self._lock:
            running = self._running
            if running is None or not running.waiting:
                return
            running.waiting = False
            running.saved_at = time.monotonic()
            loaded = self._engine.state.loaded
            continues = loaded is not None and loaded.template == "none"  # a text that goes on has no reasoning
            running.parts = AnswerParts(
                begun=running.begun,
                tagged=not continues and not running.tools.rounds,
                apart=self._engine.state.model_path in self._apart,
                clock=self._clock,
            )
        try:
            chat = self._store.chat(running.chat_id)
            tools = self.tools is not None and self.tools.wanted
            if chat.model_view.rolling or tools:  # it waits for the engine, on whose thread this may be
                start_thread(threading.Thread(target=self._roll_and_ask, args=(chat, running), daemon=True))
            else:
                self._hand_over(chat, running)
        except HeftError as error:
            self._fail(error)
        except OSError as error:
            self._fail(EngineError(tr("There is no memory left to count."), tr("Close programs."), detail=str(error)))

    def _hand_over(self, chat: Chat, running: RunningAnswer) -> None:
        offered = tuple(tool.spec for tool in running.tools.offered.values())
        self._engine.generate(self._requests.answer(chat, running.message_id, offered), self._on_answer)
        if running.cancelled:
            self._engine.cancel()  # stop() came between the hand-over and the engine's hearing of it

    def _roll_and_ask(self, chat: Chat, running: RunningAnswer) -> None:
        """Find out what may be called, drop as many of the oldest turns as must go, then ask."""
        try:
            if self.tools is not None:
                self.tools.offer(running)
            chat = self.views.rolled(chat, running.message_id) if chat.model_view.rolling else chat
            if running.cancelled:
                self._finish("stopped", {}, "")
            else:
                self._hand_over(chat, running)
        except HeftError as error:
            self._fail(error)

    def _on_answer(self, event: AnswerEvent) -> None:
        running = self._running
        if running is None:
            return
        match event:
            case PromptProgress(done=done, total=total, reused=reused):
                self._emit(PromptRead(running.chat_id, running.message_id, done, total, reused))
            case Text():
                if event.reasoning and (model := self._engine.state.model_path):
                    self._apart.add(model)
                if event.tokens:
                    self.alternatives.add(running.message_id, event.tokens)
                part = running.after_tools(running.parts.take(event))
                running.add(part)
                if time.monotonic() - running.saved_at >= _SAVE_SECONDS:
                    with suppress(StoreError):  # it stays in memory for the next try; the end says it
                        running.save(self._store)
                self._emit(
                    TextAdded(
                        running.chat_id,
                        running.message_id,
                        part.text,
                        event.generated_tokens,
                        event.context_used,
                        event.tokens_per_second,
                        event.prompt_tokens_per_second,
                        event.seconds_to_first_token,
                        part.reasoning,
                        part.reasoning_seconds,
                        part.turned,
                        event.drafted_tokens,
                        event.accepted_tokens,
                    )
                )
            case Finished():
                told = notes_before(self._store, running)
                new = (note for note in event.notes if not any(note in earlier for earlier in told))
                note = " ".join(filter(None, [*new, NOTES.get(event.reason, "")]))
                figures = {name: float(value) for name, value in msgspec.structs.asdict(event.statistics).items()}
                figures = running.tools.with_figures(figures)
                if event.reason == "tool-calls" and self.tools is not None and not running.cancelled:
                    running.tools.figures, running.tools.calling = figures, True
                    call = threading.Thread(
                        target=self._call_tools, args=(self.tools, running, event.calls), daemon=True
                    )
                    start_thread(call)
                else:
                    self._finish(STATES.get(event.reason, "stopped"), figures, note)
            case Failed():
                self._fail(event.error())
            case EngineDied():
                self._fail(death_error(event))
            case Benchmarked():
                pass

    def _call_tools(self, rounds: ToolRounds, running: RunningAnswer, called: tuple[CalledTool, ...]) -> None:
        """On a thread of its own: call them, then let the model go on."""
        try:
            running.add(running.after_tools(running.parts.finish()))
            running.save(self._store)
            rounds.run(running, called)
        except CancelledError:
            self._finish("stopped", running.tools.figures, "")
        except HeftError as error:
            self._fail(error)
        else:
            running.tools.calling = False
            if running.cancelled:
                self._finish("stopped", running.tools.figures, "")
            else:
                running.begin_round()
                self._start(running)

    def _finish(self, state: MessageState, statistics: dict[str, float], note: str) -> None:
        self._end(state, statistics, note, None)

    def _fail(self, error: HeftError) -> None:
        state, told = FAILED_STATES.get(error.kind, "failed"), f"{error.message} {error.hint}".strip()
        figures: dict[str, float] = {}
        if isinstance(error, ContextFullError):
            figures = {"needed_tokens": error.needed_tokens, "context_length": error.context_length}
        self._end(state, figures, told, None if state == "stopped" else error)

    def _end(self, state: MessageState, statistics: dict[str, float], note: str, error: HeftError | None) -> None:
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        running.add(running.parts.finish())
        message, refused = self._endings.write(EndedAnswer(running, state, statistics, note))
        error = error or refused
        self._emit(MessageFinished(message))
        if error is not None:
            self._emit(ChatFailed(running.chat_id, running.message_id, error))
        if running.version is not None:
            engine = self._engine.state  # it was there before this was heard, and tells of its own failures
            why = error if engine.died is None and (engine.failure is None or engine.loaded is not None) else None
            if (given_up := running.version.settle(self._store, message, why)) is not None:
                self._emit(given_up)
