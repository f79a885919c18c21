"""A model of another server as an engine: the same requests, the same events, and nothing of it on this computer.

Each request has a thread of its own, so that a cancel ends it at once, whatever name look-up or network still wait for;
events arrive on one thread of the client's, in order.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from desktop.core.cancelled import CancelledError
from desktop.core.endpoint_model import EndpointModel, endpoint_model
from desktop.core.errors import EngineError, HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.thinking import NO_THINKING, Thinking
from desktop.core.words import tr
from desktop.engine.api import (
    Benchmark,
    Count,
    Counted,
    Event,
    Failed,
    Generate,
    Load,
    Loaded,
    Memory,
    Request,
    Unload,
    Unloaded,
)
from desktop.engine.endpoint.connecting import Address
from desktop.engine.endpoint.failures import failure_of, not_openai
from desktop.engine.endpoint.http import ConnectionLostError, Endpoint, EndpointError
from desktop.engine.endpoint.models import NotOpenAIError, OfferedModel, ServerKind, offer_of, own_interface, with_more
from desktop.engine.endpoint.questions import COUNT, question_of
from desktop.engine.endpoint.remote_answer import RemoteAnswer
from desktop.system.spawn import start_thread

_COUNT_SECONDS = 30.0
_NOTHING = Memory(0, 0, 0, 0, 0, 0)
FindAddress = Callable[[str], Address]
"""From a server's name to its address and key, as they are now; raises HeftError. May ask the keyring."""


class _Stoppable(Protocol):
    def stop(self) -> None: ...


@dataclass(frozen=True)
class _Held:
    """The model that answers."""

    model: EndpointModel
    kind: ServerKind
    offered: OfferedModel
    thinking: Thinking


class _Work:
    """A request that is not an answer; :meth:`stop` says that it was cancelled, and what it finds is dropped."""

    def __init__(self, number: int, send: Callable[[Event], None]) -> None:
        self._number, self._send = number, send
        self._lock = threading.Lock()
        self._over = False

    def stop(self) -> None:
        self.end(
            Failed.of(
                self._number, CancelledError(tr("It was cancelled."), tr("Choose the model again when you like."))
            )
        )

    def end(self, event: Event) -> bool:
        """Tell how it ended; False where it was over."""
        with self._lock:
            if self._over:
                return False
            self._over = True
            self._send(event)
            return True


class EndpointClient:
    """The models of other servers, one at a time. ``on_event`` must not block for long."""

    def __init__(self, find: FindAddress, on_event: Callable[[Event], None]) -> None:
        """Raises EngineError where the system has no memory for it."""
        self._find = find
        self._on_event = on_event
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: _Stoppable | None = None
        self._held: _Held | None = None
        self._start(self._tell_events, "endpoint events")

    def send(self, request: Request) -> None:
        """Hand a request over; one that still runs is cancelled."""
        self.cancel()
        if isinstance(request, Unload):
            self._held = None
            self._events.put(Unloaded())
        elif isinstance(request, Load):
            self._held = None
            self._do(request.request_id, lambda work: self._connect(request, work))
        elif isinstance(request, Generate):
            self._begin_answer(request)
        elif isinstance(request, Count):
            self._do(request.request_id, lambda work: self._count(request, work))
        elif isinstance(request, Benchmark):
            words = "A model of another server cannot be measured: its speed would be the network's, too."
            error = EngineError(words, tr("Measure it on that computer."), kind=FailureKind.REMOTE)
            self._events.put(Failed.of(request.request_id, error))

    def cancel(self) -> None:
        """Stop what runs; acts at once."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.stop()

    def close(self) -> None:
        """End it. No event is delivered afterwards."""
        self._on_event = _unheard
        self.cancel()
        self._events.put(None)

    # -- on threads of its own ---------------------------------------------------------------------

    def _tell_events(self) -> None:
        while (event := self._events.get()) is not None:
            self._on_event(event)

    def _start(self, work: Callable[[], None], name: str) -> None:
        try:
            start_thread(threading.Thread(target=work, name=name, daemon=True))
        except OSError as error:
            raise EngineError(
                tr("The other server could not be asked."),
                tr("Close other programs: there is not enough memory."),
                detail=str(error),
                kind=FailureKind.NOT_STARTED,
            ) from error

    def _do(self, number: int, work: Callable[[_Work], None]) -> None:
        doing = _Work(number, self._events.put)
        with self._lock:
            self._running = doing

        def run() -> None:
            try:
                work(doing)
            except HeftError as error:
                doing.end(Failed.of(number, error))
            except Exception as error:  # noqa: BLE001  # whoever waits hears of it
                doing.end(_internal(number, error))

        self._start(run, "endpoint")

    def _connect(self, load: Load, work: _Work) -> None:
        began = time.monotonic()
        model = endpoint_model(load.path)
        if model is None:
            raise NotFoundError(
                tr("{path} is no model of another server.", path=load.path), tr("Choose one from the menu.")
            )
        address = self._find(model.endpoint)
        try:
            offer = offer_of(address)
        except NotOpenAIError as error:
            raise not_openai(model.endpoint, str(error)) from error
        except (EndpointError, ConnectionLostError, TimeoutError) as error:
            raise failure_of(error, model.endpoint, address) from error
        offered = offer.model(model.model)
        if offered is None:
            raise NotFoundError(
                tr("{endpoint} offers no model {model}.", endpoint=model.endpoint, model=model.model),
                tr("Choose another of its models in the chat's menu."),
            )
        offered = with_more(address, offer.kind, offered)
        if not offered.chats:
            words = f"{model.title} on {model.endpoint} writes no answers: it is for other uses."
            raise EngineError(words, tr("Choose another of its models."), kind=FailureKind.CANNOT_CHAT)
        held = _Held(model, offer.kind, offered, _thinking(offer.kind, offered))
        with self._lock:
            if self._running is work:  # else another was asked for meanwhile
                self._held = held
        work.end(_loaded(load, held, time.monotonic() - began))

    def _begin_answer(self, request: Generate) -> None:
        held = self._held
        if held is None:
            error = EngineError(tr("No model is chosen."), tr("Choose a model first."), kind=FailureKind.NO_MODEL)
            self._events.put(Failed.of(request.request_id, error))
            return
        name = held.model.endpoint
        answer = RemoteAnswer(request, name, held.offered.context_length, self._events.put)
        with self._lock:
            self._running = answer

        def run() -> None:
            try:
                question = question_of(request, held.kind, name, held.model.model, held.thinking)
                answer.run(question, self._find(name))
            except HeftError as error:
                answer.give_up(error)
            except Exception as error:  # noqa: BLE001  # as above
                answer.give_up(_internal(request.request_id, error).error())

        self._start(run, "endpoint answer")

    def _count(self, request: Count, work: _Work) -> None:
        held = self._held
        if held is None:
            raise EngineError(tr("No model is chosen."), tr("Choose a model first."), kind=FailureKind.NO_MODEL)
        name = held.model.endpoint
        address = self._find(name)
        body = question_of(request.asked, held.kind, name, held.model.model, held.thinking).body
        try:
            tokens = _counted(held.kind, address, body)
        except (EndpointError, KeyError, TypeError, ValueError) as error:
            raise EngineError(
                tr("{name} does not count tokens, so Heft cannot say what fits.", name=name),
                tr("Show the model the whole conversation again, or start a new chat."),
                detail=str(error),
                kind=FailureKind.REMOTE,
            ) from error
        except (ConnectionLostError, TimeoutError) as error:
            raise failure_of(error, name, address) from error
        work.end(Counted(request.request_id, tokens))


def _counted(kind: ServerKind, address: Address, body: dict[str, Any]) -> int:
    asked = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
    if "prompt" in asked or kind == "vllm":
        found = Endpoint(own_interface(address)).post(
            "/tokenize", asked | {"content": asked.get("prompt", "")}, deadline_seconds=_COUNT_SECONDS
        )
        return int(found["count"]) if "count" in found else len(found["tokens"])
    return int(Endpoint(address).post(COUNT, asked, deadline_seconds=_COUNT_SECONDS)["input_tokens"])


def _loaded(load: Load, held: _Held, seconds: float) -> Loaded:
    offered = held.offered
    about = f"{held.model.title}{f', {offered.about}' if offered.about else ''}"
    return Loaded(
        path=load.path,
        description=f"{about} on {held.model.endpoint}",
        context_length=offered.context_length,
        trained_context_length=offered.trained_context,
        layers=0,
        gpu_layers=0,
        threads=0,
        template="model",
        memory=_NOTHING,
        seconds=seconds,
        request_id=load.request_id,
        endpoint=held.model.endpoint,
        thinking=bool(offered.template and held.thinking.switch),
        efforts=held.thinking.efforts,
        tools=not offered.template or "tools" in offered.template,
    )


def _thinking(kind: ServerKind, offered: OfferedModel) -> Thinking:
    """What can be said about thinking. vLLM shows no template and takes variables for any: unknown ones do nothing."""
    if not offered.template:
        return Thinking(switch="enable_thinking") if kind == "vllm" else NO_THINKING
    from desktop.core.template_thinking import thinking_of  # jinja2: most servers need none of it

    return thinking_of(offered.template)


def _internal(number: int, error: Exception) -> Failed:
    hint = "Copy the details into a report; choose the model again."
    trace = "".join(traceback.format_exception(error))
    return Failed(number, FailureKind.INTERNAL, "A part of Heft failed at this request.", hint, trace)


def _unheard(_event: Event) -> None:
    """It was closed."""
