"""Lenders of one address, and a door before them: for tests of what clients see."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.core.cancelled import CancelledError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef, local_ref
from desktop.engine.api import Load, Loaded, Memory
from desktop.engine.endpoint.http import Address
from desktop.engine.server.launch import Place, arguments, environment
from desktop.engine.server.log import ServerLog
from desktop.engine.server.process import ServerProcess, State
from desktop.engine.server.program import server_program
from desktop.services.serve.api import ModelPhase, ModelState, Purpose, ServedModel
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.settings import DoorSettings

KEY = "k" * 40
READY_SECONDS = 60.0


def served(name: str, kind: ModelKind = ModelKind.CHAT, *aliases: str, **fields: Any) -> ServedModel:
    """A model of the library under this name."""
    return ServedModel(name, ModelRef(name, f"hf:test/{name}/{name}.gguf"), kind, aliases, **fields)


def loaded_as(template: str = "model") -> Loaded:
    """A loaded model of whose chat template this is known."""
    memory = Memory(0, 0, 0, 0, 0, 0)
    return Loaded("m.gguf", "", 2048, 2048, 1, 0, 1, template, memory, 0.0)  # type: ignore[arg-type]


@dataclass
class OpenLease:
    """A lease that counts its release."""

    model: ServedModel
    address: Address
    loaded: Loaded
    lender: OneAddress
    released: int = 0

    @property
    def plan(self) -> LoadPlan:
        """Of no consequence here."""
        return LoadPlan(self.model.ref, LoadSettings(), 1)

    def release(self) -> None:
        """Counted."""
        self.released += 1
        self.lender.released.put(self)


@dataclass
class OneAddress:
    """Lends one server's address under every name. ``refusal`` is raised instead; while ``held`` is set a load waits.

    ``released`` has each lease that was given back, ``cancelled`` is set when a load was given up. ``phases`` is what
    each model is told to be doing, ``contexts`` what a request to it gets, in tokens.
    """

    address: Address
    served: tuple[ServedModel, ...]
    loaded: Loaded = field(default_factory=loaded_as)
    refusal: Exception | None = None
    held: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    purposes: list[Purpose] = field(default_factory=list)
    released: queue.Queue[OpenLease] = field(default_factory=queue.Queue)
    phases: dict[str, ModelPhase] = field(default_factory=dict)
    contexts: dict[str, int] = field(default_factory=dict)
    unloaded: list[ServedModel] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def models(self) -> tuple[ServedModel, ...]:
        """All there are."""
        return self.served

    def find(self, name: str) -> ServedModel | None:
        """By name or alias."""
        return next((each for each in self.served if name in (each.name, *each.aliases)), None)

    def acquire(self, model: ServedModel, purpose: Purpose, cancelled: Callable[[], bool]) -> OpenLease:
        """At once, unless told otherwise."""
        self.purposes.append(purpose)
        if self.refusal is not None:
            raise self.refusal
        while self.held.is_set():
            self.waiting.set()
            if cancelled():
                self.cancelled.set()
                raise CancelledError
            threading.Event().wait(0.005)
        return OpenLease(model, self.address, self.loaded, self)

    def states(self) -> tuple[ModelState, ...]:
        """By ``phases``; unloaded where nothing is said."""
        return tuple(ModelState(each, self.phases.get(each.name, "unloaded")) for each in self.served)

    def context(self, model: ServedModel) -> int:
        """By ``contexts``; what it was trained for where nothing is said."""
        return self.contexts.get(model.name, model.context_length)

    def unload(self, model: ServedModel) -> None:
        """Noted."""
        self.unloaded.append(model)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Called by whoever changes ``phases``."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)


@contextmanager
def open_door(lender: OneAddress, **settings: Any) -> Iterator[Door]:
    """A door on a free port, with KEY unless told otherwise."""
    door = Door(lender, DoorSettings(**{"key": KEY, **settings}))
    door.start()
    try:
        yield door
    finally:
        door.close()


@contextmanager
def engine_server(path: Path, folder: Path, *options: str, context_length: int = 2048) -> Iterator[Address]:
    """llama.cpp's server with this model, as Heft starts it, with further options of its own."""
    place = Place()
    states: queue.Queue[State | None] = queue.Queue()
    log = ServerLog(folder / "server.log")
    process = ServerProcess(
        [server_program(), *arguments(Load(str(path), context_length), 0, place, template="", packs=True), *options],
        environment(place, "0123456789abcdef", []),
        folder / "scratch",
        log,
        states.put,
        lambda _process: states.put(None),
    )
    try:
        while (state := states.get(timeout=READY_SECONDS)) is not None and state.state != "ready":
            pass
        assert state is not None, log.tail
        yield place.address
    finally:
        process.kill()
        process.wait()
        place.close()
        log.close()


@contextmanager
def served_file(
    path: Path, folder: Path, *options: str, name: str = "starter", kind: ModelKind = ModelKind.CHAT, **fields: Any
) -> Iterator[OneAddress]:
    """A lender of one model file, in a server with four slots."""
    slots = ("--parallel", "4", "--threads-http", "12", *options)
    with engine_server(path, folder, *slots, **fields) as address:
        model = ServedModel(name, local_ref(path), kind, (f"{name}:latest",))
        yield OneAddress(address, (model,))
