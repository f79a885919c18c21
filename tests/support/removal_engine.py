"""An engine that a removal asks to unload: what it holds, and what it was told."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from desktop.services.engine.supervisor import EngineState

from .plans import plain_plan


class Engine:
    """Has a model open; lets go of it when it is told to."""

    def __init__(self, path: Path, phase: str = "ready") -> None:
        self.state = EngineState(phase, plain_plan(path))  # type: ignore[arg-type]
        self.told: list[str] = []
        self._listeners: list[Callable[[EngineState], None]] = []

    def unload(self) -> None:
        self.told.append("unload")
        self.state = EngineState()
        for listener in self._listeners:
            listener(self.state)

    def forget(self, files: Collection[Path]) -> None:
        self.told.append(f"forget {sorted({path.name for path in files if path.suffix})}")

    def subscribe(self, listener: Callable[[EngineState], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
