"""Models that are lent without an engine, and a door that lets nobody in: what ServeService is made of in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.plans import plain_plan

from desktop.core.errors import HeftError
from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.memory import DeviceMemory, Memory
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import local_ref
from desktop.core.placement import Fit, Placement
from desktop.core.pools import Pool
from desktop.core.speed import Rate, Speeds
from desktop.engine.api import Loaded
from desktop.engine.endpoint.http import Address
from desktop.services.serve.api import Lease, ModelPhase, ModelState, Purpose, RequestRecord, ServedModel
from desktop.services.serve.key import ServeKey
from desktop.services.serve.opening import DoorWishes
from desktop.services.serve.service import ServeService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.system.listeners import Listeners


def served(name: str, kind: ModelKind = ModelKind.CHAT, **facts: object) -> ServedModel:
    """A model of this name that lies nowhere."""
    return replace(ServedModel(name, local_ref(Path(f"/models/{name}.gguf")), kind), **facts)  # type: ignore[arg-type]


def planned(name: str, context: int = 16384, gpu_layers: int = 0) -> LoadPlan:
    """A plan of 7.4 GB with all of 36 layers, or so many, on an RTX 4070."""
    card = DeviceMemory(1, weights_bytes=7_400_000_000 if gpu_layers else 0)
    memory = Memory((DeviceMemory(RAM, weights_bytes=0 if gpu_layers else 7_400_000_000), card))
    pools = (Pool(RAM, "RAM", 8 << 30, 0), Pool(1, "RTX 4070", 12 << 30, 0))
    place: Placement = "gpu" if gpu_layers == 36 else "partial" if gpu_layers else "cpu"
    kept = ("f16", "f16")
    fit = Fit(context, kept, memory, "engine", place, gpu_layers, 36, 0, 12 << 30, 0, context, pools)  # type: ignore[arg-type]
    speeds = Speeds(Rate(38.0, 41.0, 44.0), Rate(30.0, 33.0, 36.0), context)
    return replace(plain_plan(f"/models/{name}.gguf", context), fit=fit, speeds=speeds)


def asked(number: int, state: str = "done", **facts: object) -> RequestRecord:
    """A request of a program called aider."""
    return replace(
        RequestRecord(number, "aider", "/v1/chat/completions", "qwen3-8b", 1_000_000.0 + number, "done"),
        state=state, **facts,  # type: ignore[arg-type]
    )  # fmt: skip


@dataclass
class FakeLease:
    """Loaded at once; counts how often it was given back."""

    model: ServedModel
    lender: FakeLender
    released: int = 0

    @property
    def plan(self) -> LoadPlan:
        return plain_plan(f"/models/{self.model.name}.gguf")

    @property
    def loaded(self) -> Loaded:
        raise NotImplementedError

    @property
    def address(self) -> Address:
        raise NotImplementedError

    def release(self) -> None:
        self.released += 1


@dataclass
class FakeLender:
    """Says of each model what it was told to say; ``refusal`` is raised by each load."""

    all: list[ModelState] = field(default_factory=list)
    refusal: HeftError | None = None
    asked: list[tuple[str, Purpose]] = field(default_factory=list)
    let_go: list[str] = field(default_factory=list)
    heard: Listeners[None] = field(default_factory=Listeners)

    def models(self) -> tuple[ServedModel, ...]:
        return tuple(state.model for state in self.all)

    def find(self, name: str) -> ServedModel | None:
        return next((model for model in self.models() if name in (model.name, *model.aliases)), None)

    def acquire(self, model: ServedModel, purpose: Purpose, cancelled: Callable[[], bool]) -> Lease:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((model.name, purpose))
        self.turn(model.name, "ready")
        return FakeLease(model, self)

    def states(self) -> tuple[ModelState, ...]:
        return tuple(self.all)

    def context(self, model: ServedModel) -> int:
        return model.context_length

    def unload(self, model: ServedModel) -> None:
        self.let_go.append(model.name)
        self.turn(model.name, "unloaded")

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        return self.heard.add(lambda _: listener())

    def turn(self, name: str, phase: ModelPhase, **facts: object) -> None:
        """A model does something else from now on."""
        self.all = [
            replace(state, phase=phase, **facts) if state.model.name == name else state  # type: ignore[arg-type]
            for state in self.all
        ]
        self.heard.tell(None)


@dataclass
class FakeDoor:
    """Listens nowhere. ``fault`` is raised by its start."""

    wishes: DoorWishes
    fault: Exception | None = None
    open: bool = False
    known: list[RequestRecord] = field(default_factory=list)
    heard: Listeners[RequestRecord] = field(default_factory=Listeners)

    def start(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.open = True

    def close(self) -> None:
        self.open = False

    def requests(self) -> tuple[RequestRecord, ...]:
        return tuple(reversed(self.known))

    def subscribe(self, listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
        return self.heard.add(listener)

    def tell(self, record: RequestRecord) -> None:
        """A request came, or went on."""
        self.known = [*(each for each in self.known if each.number != record.number), record]
        self.heard.tell(record)


class Serving:
    """A service over both, in a Heft folder of the test's; ``doors`` are those that were opened so far."""

    def __init__(self, paths: Paths, *models: ModelState) -> None:
        self.paths = paths
        self.settings = SettingsStore(paths.settings)
        self.lender = FakeLender(list(models))
        self.doors: list[FakeDoor] = []
        self.fault: Exception | None = None  # of each door
        self.faults: dict[int, Exception] = {}  # of those on a port
        self.may_open = threading.Event()  # no door is made before it is set
        self.may_open.set()
        self.key = ServeKey(paths.data)
        self.plans: dict[str, LoadPlan] = {}  # of models that are not loaded
        self.service = ServeService(paths, self.settings, self.key, lambda: self.lender, self._open, self._estimate)

    def _open(self, lender: object, wishes: DoorWishes) -> FakeDoor:
        assert self.may_open.wait(60)
        self.doors.append(FakeDoor(wishes, self.faults.get(wishes.port, self.fault)))
        return self.doors[-1]

    def _estimate(self, models: Sequence[ServedModel], cancelled: Callable[[], bool]) -> dict[str, LoadPlan]:
        return {model.name: self.plans[model.name] for model in models if model.name in self.plans}

    @property
    def door(self) -> FakeDoor:
        """The newest."""
        return self.doors[-1]
