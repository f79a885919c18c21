"""A computer with so much memory, and servers that take of it what was planned: one that takes too much kills."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError
from desktop.core.errors import EngineError, HeftError
from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef
from desktop.core.placement import Fit
from desktop.engine import api
from desktop.engine.api import Loaded
from desktop.engine.endpoint.http import Address
from desktop.services.serve.api import ModelState, Purpose, ServedModel
from desktop.services.serve.lender import Lender
from desktop.services.serve.names import Names
from desktop.services.serve.room import PROCESS_BYTES, need_of

GB = 1_000_000_000
SECONDS = 60.0  # far more than anything here takes


def a_model(name: str, size: int, kind: ModelKind = ModelKind.CHAT) -> ServedModel:
    """A model that takes so many bytes, its process included."""
    path = Path("/models") / f"{name}.gguf"
    return ServedModel(name, ModelRef(name, str(path), (path,)), kind, size_bytes=size)


def a_plan(model: ServedModel) -> LoadPlan:
    """Its load, all in main memory."""
    memory = Memory((DeviceMemory(RAM, weights_bytes=model.size_bytes - PROCESS_BYTES),))
    fit = Fit(4096, ("f16", "f16"), memory, "engine", "cpu", 0, 30, 0, 0, 0, 4096, ())
    return LoadPlan(model.ref, LoadSettings(), 2, fit, kind=model.kind)


class FakeServer:
    """A process of the computer's."""

    def __init__(self, computer: Computer, plan: LoadPlan, number: int, ended: Callable[[], None]) -> None:
        self._computer, self.plan, self._ended = computer, plan, ended
        self.number, self.alive = number, True
        self.address = Address(port=number)
        nothing = api.Memory(0, 0, 0, 0, 0, 0)
        self.loaded = Loaded(str(plan.path), "", 4096, 4096, 30, 0, 2, "model", nothing, 0.1, pid=number)

    def die(self) -> None:
        """As if the system had ended it."""
        self.alive = False
        self._computer.give_back(self)
        self._ended()

    def close(self) -> None:
        if self.alive:
            self.alive = False
            self._computer.give_back(self)


class Computer:
    """``others`` is what other programs hold. ``gate`` keeps loads from ending while it is clear."""

    def __init__(self, total: int, *, others: int = 0) -> None:
        self.total, self.others = total, others
        self.lock = threading.Lock()
        self.running: list[FakeServer] = []
        self.deaths = self.started = self.most_used = 0
        self.refuse: HeftError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.loading = threading.Semaphore(0)  # released by each load that begins

    @property
    def used(self) -> int:
        return sum(need_of(server.plan)[""] for server in self.running)

    def capacity(self, _plan: LoadPlan) -> Mapping[str, int]:
        return {"": self.total - self.others}

    def start(self, plan: LoadPlan, _purpose: Purpose, cancelled: Cancelled, ended: Callable[[], None]) -> FakeServer:
        with self.lock:
            self.started += 1
            server = FakeServer(self, plan, self.started, ended)
            self.running.append(server)
            self.most_used = max(self.most_used, self.used)
            if self.used > self.total - self.others:
                self.deaths += 1
        self.loading.release()
        try:
            while not self.gate.wait(0.01):
                if cancelled():
                    raise CancelledError
            if cancelled():
                raise CancelledError
            if self.refuse is not None:
                raise self.refuse
        except HeftError:
            server.close()
            raise
        return server

    def give_back(self, server: FakeServer) -> None:
        with self.lock:
            self.running.remove(server)

    def holds(self) -> list[str]:
        """The models that are loaded, in the order of their loads."""
        with self.lock:
            return [server.plan.ref.name for server in self.running]


class Desk:
    """A lender on that computer, whose clock is the test's."""

    def __init__(self, computer: Computer, *models: ServedModel, **more: object) -> None:
        self.computer, self.now = computer, 1000.0
        self.idle_seconds = 0.0
        self.planned: list[str] = []
        self.lender = Lender(
            Names(models), self.plan, computer.start, computer.capacity, clock=lambda: self.now,
            idle_seconds=lambda: self.idle_seconds, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def plan(self, model: ServedModel, _purpose: Purpose, _cancelled: Cancelled) -> LoadPlan:
        self.planned.append(model.name)
        return a_plan(model)

    def state(self, model: ServedModel) -> ModelState:
        """What the lender says of it."""
        return next(state for state in self.lender.states() if state.model is model)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the lender's threads do; AssertionError where they do not."""
        changed = threading.Event()
        stop = self.lender.subscribe(changed.set)
        try:
            for _ in range(int(SECONDS / 0.05)):
                if holds():
                    return
                changed.wait(0.05)
                changed.clear()
        finally:
            stop()
        raise AssertionError("it did not come to that")


class Asking:
    """A request on a thread of its own: what it got, or why it got nothing."""

    def __init__(self, desk: Desk, model: ServedModel, purpose: Purpose = "text") -> None:
        self.cancelled = threading.Event()
        self.lease = None
        self.error: HeftError | None = None

        def ask() -> None:
            try:
                self.lease = desk.lender.acquire(model, purpose, self.cancelled.is_set)
            except HeftError as error:
                self.error = error

        self._thread = threading.Thread(target=ask)
        self._thread.start()

    def done(self) -> Asking:
        """Wait for its end."""
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        return self

    @property
    def waits(self) -> bool:
        return self._thread.is_alive()


def refusal(message: str = "It is broken.") -> EngineError:
    """What a load may end with."""
    return EngineError(message, "Take another.")
