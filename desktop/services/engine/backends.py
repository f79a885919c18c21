"""The engine's backends: what each does here, and changing them.

Nothing is switched by itself: adding, putting first, removing and going back are the user's acts. What changes counts
from the next load on; a model that is loaded stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from desktop.core.cancelled import Cancelled, never
from desktop.core.progress import Report, unheard
from desktop.engine.api import Hello
from desktop.engine.backend_records import ProvenDevice, Tried
from desktop.engine.backends import engine_package
from desktop.engine.device_records import Device
from desktop.engine.further_backends import Trial, box_notes
from desktop.services.engine.backend_folder import BackendFolder
from desktop.services.engine.backend_places import backend_folder
from desktop.store.paths import Paths

Origin = Literal["built-in", "box", "added"]
State = Literal["used", "second", "aside", "refused", "untried"]
_NO_CARD = ("cpu", "accelerator")


@dataclass(frozen=True)
class OtherSpeed:
    """How quick another backend wrote on the same device, in tokens per second."""

    backend: str
    tokens_per_second: float


@dataclass(frozen=True)
class ServedDevice:
    """A device that a backend reaches. ``served_by`` names the backend through which it is used, "" where none is.

    Rates are tokens per second with the starter model in the trial, there, by other backends (``others``) and on the
    processor; 0 is not known.
    """

    name: str
    description: str
    device_id: str
    kind: str
    served_by: str
    tokens_per_second: float = 0.0
    processor_tokens_per_second: float = 0.0
    error: float = 0.0
    others: tuple[OtherSpeed, ...] = ()


@dataclass(frozen=True)
class Backend:
    """One backend. ``file`` and ``key`` are "" for one that is compiled into the engine, ``why`` is why it is not used.

    ``tried_at`` and ``since`` (when it was put where it is) are seconds since the epoch, 0 where that is not known.
    """

    name: str
    file: str
    key: str
    origin: Origin
    state: State
    devices: tuple[ServedDevice, ...] = ()
    why: str = ""
    tried_at: float = 0.0
    since: float = 0.0
    size_bytes: int = 0

    @property
    def used(self) -> bool:
        """Whether an engine that starts now loads it."""
        return self.state == "used"


@dataclass(frozen=True)
class Backends:
    """All of them, the first wanted first, then those of the engine itself; and what else there is to say."""

    backends: tuple[Backend, ...]
    can_go_back: bool
    notes: tuple[str, ...] = ()


class BackendService:
    """Lists and changes them. Every method may be called from any thread, and may take as long as a trial."""

    def __init__(self, paths: Paths, hello: Callable[[], Hello], changed: Callable[[], None] = lambda: None) -> None:
        """``hello`` describes the engine, after trying what was not tried yet; ``changed`` hears of each change."""
        self._paths, self._hello, self._changed = paths, hello, changed

    def known(self) -> Backends:
        """All, once the engine was asked: what was not tried is tried before. Raises HeftError."""
        return self.described(self._hello())

    def described(self, hello: Hello) -> Backends:
        """All, where the engine was asked already; nothing is tried."""
        folder = self._folder()
        rows = sorted(folder.rows(), key=lambda row: not row.used)
        further = tuple(_further(row, rows) for row in rows)
        own = tuple(name for name in hello.backends if name not in {row.backend for row in rows if row.used})
        built_in = tuple(_built_in(name, hello.devices) for name in own)
        return Backends((*further, *built_in), folder.can_go_back(), box_notes(engine_package()))

    def add(self, file: Path, *, progress: Report = unheard, cancelled: Cancelled = never) -> Backend:
        """Copy a library into Heft's folder, try it and put it first; of one that fails nothing is left. HeftError."""
        return self._done(self._folder().add(file, self._trial(progress, cancelled)))

    def use(self, name: str) -> Backend:
        """Let one serve the devices that it reaches. Raises HeftError."""
        return self._done(self._folder().use(name))

    def try_again(self, name: str, *, progress: Report = unheard, cancelled: Cancelled = never) -> Backend:
        """Try one once more; the state says what came of it. Raises HeftError."""
        return self._done(self._folder().try_again(name, self._trial(progress, cancelled)))

    def remove(self, name: str) -> Backend:
        """Take one out of use; of the user's own, the file too. Raises HeftError."""
        return self._done(self._folder().remove(name))

    def back(self) -> None:
        """Undo the last change. Raises HeftError."""
        self._folder().back()
        self._changed()

    # -- inside ----------------------------------------------------------------------------------

    def _folder(self) -> BackendFolder:
        return BackendFolder(backend_folder(), engine_package())

    def _done(self, row: Trial) -> Backend:
        self._changed()
        return _further(row, self._folder().rows())

    def _trial(self, progress: Report, cancelled: Cancelled) -> Callable[[Path], Tried]:
        from desktop.engine.backend_trial import try_library

        scratch, log = self._paths.scratch, self._paths.logs / "backend_trial.log"
        return lambda file: try_library(file, folder=scratch, log=log, cancelled=cancelled, progress=progress)


def _serving(rows: list[Trial]) -> dict[tuple[str, ...], str]:
    """By which backend each device is used: of several that reach it, by the first."""
    found: dict[tuple[str, ...], str] = {}
    for row in rows:
        if row.used:
            for key in _identities(row.devices):
                found.setdefault(key, row.backend)
    return found


def _identities(devices: tuple[ProvenDevice, ...]) -> list[tuple[str, ...]]:
    """What tells a device from others whichever backend reaches it: its address, else its name and number."""
    names: list[str] = []
    found: list[tuple[str, ...]] = []
    for device in devices:
        name = device.description.partition(" (")[0]
        found.append((device.device_id,) if device.device_id else (name, str(names.count(name))))
        names.append(name)
    return found


def _others(row: Trial, rows: list[Trial]) -> dict[tuple[str, ...], tuple[OtherSpeed, ...]]:
    """What the trials of other backends said of each device's speed."""
    found: dict[tuple[str, ...], tuple[OtherSpeed, ...]] = {}
    for other in rows:
        if other.key == row.key or other.refused:
            continue
        for device, key in zip(other.devices, _identities(other.devices), strict=True):
            if device.tokens_per_second:
                found[key] = (*found.get(key, ()), OtherSpeed(other.backend, device.tokens_per_second))
    return found


def _further(row: Trial, rows: list[Trial]) -> Backend:
    served, others = _serving(rows), _others(row, rows)
    state: State = "used" if row.used else "untried"
    if row.aside:
        state = "aside"
    elif row.left_out:
        state = "second" if row.second else "refused"
    devices = tuple(
        ServedDevice(
            device.name, device.description, device.device_id, device.kind, served.get(key, ""),
            device.tokens_per_second, device.processor_tokens_per_second, device.error, others.get(key, ()),
        )
        for device, key in zip(row.devices, _identities(row.devices), strict=True)
    )  # fmt: skip
    size = row.path.stat().st_size if row.path.exists() else 0
    origin: Origin = "box" if row.boxed else "added"
    return Backend(
        row.backend or row.file, row.file, row.key, origin, state, devices, row.left_out, row.at, row.since, size
    )


def _built_in(name: str, devices: tuple[Device, ...]) -> Backend:
    found = tuple(ServedDevice(d.name, d.description, d.device_id, d.kind, name) for d in devices if d.backend == name)
    return Backend(name, "", "", "built-in", "used", found)
