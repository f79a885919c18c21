"""Other computers' devices as devices of this one: workers by name, found or not, joined by tunnels, measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Gpu
from desktop.core.speed import DeviceSpeed
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.services.kept_key import KeptKey, KeyringLockedError, Place
from desktop.services.worker.about import About, LentDevice
from desktop.services.worker.identity import SCHEME, Pairing, read_pairing
from desktop.services.worker.questions import LINK_SECONDS, ask_about, measure_link
from desktop.services.worker.tunnel import Tunnel
from desktop.services.worker.wiring import address, unwire, wire
from desktop.store.paths import Paths
from desktop.store.workers import SavedWorker, WorkerStore
from desktop.system.spawn import start_thread

JOIN_SECONDS = 3.0  # an engine's first start waits no longer for computers that may be off
LOOK_SECONDS = 15.0  # asking all of them takes no longer
AGAIN_SECONDS = 60.0  # one that was out of reach is not tried again sooner, unless somebody asks for it
_GLANCE_SECONDS = 0.1
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Reached:
    """A worker, asked now. ``about`` is what it says of itself, ``error`` why it could not be asked; neither: it was
    not. ``kept`` is where its secret was put, of one that was just added.
    """

    worker: SavedWorker
    about: About | None = None
    error: HeftError | None = None
    kept: Place | None = None

    @property
    def reachable(self) -> bool:
        """Whether it lends its devices now."""
        return self.about is not None

    @property
    def devices(self) -> tuple[LentDevice, ...]:
        """Those it lends now."""
        return self.about.devices if self.about is not None else ()


@dataclass
class _Joined:
    """A worker whose devices the engine may use now."""

    tunnel: Tunnel
    about: About


class WorkerService:
    """Calls may come from any thread; most wait for a network or the keyring."""

    def __init__(
        self,
        paths: Paths,
        changed: Callable[[], None] = lambda: None,
        tell: Callable[[HeftError], None] = lambda _error: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``changed`` is called when the engine has other devices than before, ``tell`` of a worker that is gone."""
        self._store, self._secrets = WorkerStore(paths.workers), paths.worker_secrets
        self._changed, self._tell, self._clock = changed, tell, clock
        self._lock = threading.RLock()
        self._joined: dict[str, _Joined] = {}  # by fingerprint
        self._missed: dict[str, tuple[float, HeftError]] = {}  # when it was last out of reach, and why
        self._known_secrets: dict[str, str] = {}
        self._closed = False

    # -- which there are -----------------------------------------------------------------------------

    def all(self) -> tuple[SavedWorker, ...]:
        """Those that were added; nobody is asked."""
        return self._store.all()

    def find(self, name: str) -> SavedWorker:
        """The worker of a name. Raises NotFoundError."""
        found = next((one for one in self.all() if one.name.casefold() == name.casefold()), None)
        if found is None:
            raise NotFoundError(
                tr("No computer called {name} was added.", name=one_line(name, _LONGEST_NAME)),
                tr("See which there are: heft workers"),
            )
        return found

    def add(self, line: str, name: str = "") -> Reached:
        """Keep the worker of a pairing, ask it, and join it; one that is off now is kept, too.

        Raises UsageError: no pairing (an address alone is none: RPC knows no keys, so there is no way but a tunnel), a
        name that is taken. HeftError: certificate, key-wrong, interrupted, bad-answer. StoreError.
        """
        if "://" not in line:
            raise UsageError(
                tr("This is no pairing of a worker: without its key there is no way to another computer's devices."),
                tr("Copy the whole line that 'heft worker' printed there; it begins with {scheme}://", scheme=SCHEME),
            )
        pairing = read_pairing(line)
        known = next((one for one in self.all() if one.fingerprint == pairing.fingerprint), None)
        if known is not None and (known.host, known.port) == (pairing.host, pairing.port) and not name.strip():
            name = known.name
        name = self._new_name(name, but=known.name if known else "") if name.strip() else self._free_name(pairing)
        worker = SavedWorker(name, pairing.host, pairing.port, pairing.fingerprint, known.link if known else None)
        found = self._asked(worker, pairing.secret)
        if found.error is not None and found.error.kind != FailureKind.UNREACHABLE:  # one that is off may come
            raise found.error
        kept = self._kept(pairing.fingerprint).keep(pairing.secret)
        with self._lock:
            self._known_secrets[pairing.fingerprint] = pairing.secret
        self._store.change(lambda every: (*(one for one in every if one.fingerprint != worker.fingerprint), worker))
        self._leave(worker.fingerprint)  # it may have moved
        return replace(self._joining(found), kept=kept)

    def rename(self, name: str, new: str) -> SavedWorker:
        """Raises NotFoundError, UsageError for a name that is none or is taken."""
        found = self.find(name)
        changed = msgspec.structs.replace(found, name=self._new_name(new, but=found.name))
        self._put(changed)
        self._changed()
        return changed

    def remove(self, name: str) -> SavedWorker:
        """Forget a worker and its secret. Raises NotFoundError, StoreError, HeftError (no-keyring)."""
        found = self.find(name)
        self._store.change(lambda known: tuple(one for one in known if one.fingerprint != found.fingerprint))
        self._leave(found.fingerprint)
        with self._lock:
            self._known_secrets.pop(found.fingerprint, None)
        self._kept(found.fingerprint).forget()
        return found

    # -- asking them -----------------------------------------------------------------------------------

    def test(self, name: str) -> Reached:
        """Ask a worker now, and join it where it answers. Raises NotFoundError."""
        return self._joining(self._asked(self.find(name)))

    def look(self, cancelled: Cancelled = never, seconds: float = LOOK_SECONDS) -> tuple[Reached, ...]:
        """Ask all of them at the same time, and join those that answer within ``seconds``."""
        known = self.all()
        found: dict[str, Reached] = {}

        def ask(worker: SavedWorker) -> None:
            found[worker.fingerprint] = self._joining(self._asked(worker), tell=False)

        before = self._ports()
        asking = [threading.Thread(target=ask, args=(one,), daemon=True) for one in known]
        for thread in asking:
            start_thread(thread)
        end = self._clock() + seconds
        for thread in asking:
            while thread.is_alive() and self._clock() < end and not cancelled():
                thread.join(_GLANCE_SECONDS)
        if self._ports() != before:
            self._changed()
        return tuple(found.get(one.fingerprint) or Reached(one, error=_silent(one)) for one in known)

    def measure(self, name: str, cancelled: Cancelled = never, seconds: float | None = None) -> SavedWorker:
        """Measure the way to a worker, which takes up to ``seconds`` (None: LINK_SECONDS), and keep what came of it.

        Raises NotFoundError, HeftError where it cannot be reached, CancelledError.
        """
        worker = self.find(name)
        link = measure_link(self._pairing(worker), LINK_SECONDS if seconds is None else seconds, cancelled)
        measured = msgspec.structs.replace(worker, link=link)
        self._put(measured)
        self._changed()
        return measured

    # -- for the engine ------------------------------------------------------------------------------

    def join(self) -> bool:
        """Before the engine starts: open a tunnel to each worker that answers soon. Whether there are others now."""
        wanted = [one for one in self.all() if self._is_due(one)]
        if not wanted:
            return False
        before = self._ports()
        threads = [threading.Thread(target=self._join_one, args=(one,), daemon=True) for one in wanted]
        for thread in threads:
            start_thread(thread)
        end = self._clock() + JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - self._clock()))
        return self._ports() != before

    def lent(self) -> tuple[Reached, ...]:
        """The workers whose devices the engine may use now, as they were when they were joined; nobody is asked."""
        with self._lock:
            joined = {fingerprint: one.about for fingerprint, one in self._joined.items()}
        return tuple(Reached(one, joined[one.fingerprint]) for one in self.all() if one.fingerprint in joined)

    def as_lent(self, gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
        """GPUs as the engine names them, those of workers by the names that people know, with the way there."""
        with self._lock:
            behind = {address(one.tunnel.port): (fingerprint, one.about) for fingerprint, one in self._joined.items()}
        workers = {one.fingerprint: one for one in self.all()}
        seen: dict[str, int] = {}
        found = []
        for gpu in gpus:
            fingerprint, about = behind.get(gpu.name, ("", None)) if gpu.is_remote else ("", None)
            worker = workers.get(fingerprint)
            if about is None or worker is None:
                found.append(gpu)
                continue
            number = seen[fingerprint] = seen.get(fingerprint, -1) + 1
            name = about.devices[number].name if number < len(about.devices) else f"device {number}"
            found.append(
                msgspec.structs.replace(
                    gpu,
                    name=f"{name} of {worker.name}",
                    worker=worker.name,
                    link=worker.link,
                    vendor="",
                    architecture="",
                )
            )
        return tuple(found)

    def speed_of(self, gpu: Gpu) -> DeviceSpeed | None:
        """How quick a lent device is as its own computer says, the way there not counted in; None: not known."""
        for reached in self.lent():
            if reached.worker.name == gpu.worker:
                named = (one.speed for one in reached.devices if f"{one.name} of {gpu.worker}" == gpu.name)
                return next((speed for speed in named if speed is not None), None)
        return None

    def close(self) -> None:
        """Close every tunnel."""
        with self._lock:
            self._closed = True
            joined, self._joined = list(self._joined.values()), {}
        for one in joined:
            unwire(one.tunnel.port)
            one.tunnel.close()

    # -- inside ------------------------------------------------------------------------------------------

    def _is_due(self, worker: SavedWorker) -> bool:
        with self._lock:
            missed = self._missed.get(worker.fingerprint)
            late = missed is None or self._clock() - missed[0] >= AGAIN_SECONDS
            return worker.fingerprint not in self._joined and late

    def _join_one(self, worker: SavedWorker) -> None:
        self._joining(self._asked(worker), tell=False)

    def _asked(self, worker: SavedWorker, secret: str | None = None) -> Reached:
        try:
            return Reached(worker, ask_about(self._pairing(worker, secret)))
        except HeftError as error:
            with self._lock:
                self._missed[worker.fingerprint] = (self._clock(), error)
            return Reached(worker, error=error)

    def _joining(self, found: Reached, *, tell: bool = True) -> Reached:
        """Join a worker that answered; ``tell`` of other devices at once."""
        worker, about = found.worker, found.about
        if about is None:
            return found
        with self._lock:
            joined = self._joined.get(worker.fingerprint)
            if joined is not None:
                joined.about = about
                return found
        try:
            tunnel = Tunnel(self._pairing(worker), lambda error: self._lost(worker, error))
        except HeftError as error:
            return replace(found, about=None, error=error)
        with self._lock:
            if self._closed or worker.fingerprint in self._joined:
                tunnel.close()
                return found
            self._joined[worker.fingerprint] = _Joined(tunnel, about)
            self._missed.pop(worker.fingerprint, None)
            wire(tunnel.port)
        if tell:
            self._changed()
        return found

    def _lost(self, worker: SavedWorker, error: HeftError) -> None:
        with self._lock:
            joined = self._joined.pop(worker.fingerprint, None)
            self._missed[worker.fingerprint] = (self._clock(), error)
        if joined is not None:
            unwire(joined.tunnel.port)
            self._changed()
            self._tell(
                HeftError(
                    tr("{name} does not lend its devices any more. {message}", name=worker.name, message=error.message),
                    tr("What used them has to be loaded again; without them it goes on here."),
                    kind=error.kind,
                    detail=error.detail,
                    settings_page="workers",
                )
            )

    def _leave(self, fingerprint: str) -> None:
        with self._lock:
            joined = self._joined.pop(fingerprint, None)
            self._missed.pop(fingerprint, None)
        if joined is not None:
            unwire(joined.tunnel.port)
            joined.tunnel.close()
            self._changed()

    def _ports(self) -> frozenset[int]:
        with self._lock:
            return frozenset(one.tunnel.port for one in self._joined.values())

    def _put(self, changed: SavedWorker) -> None:
        self._store.change(
            lambda known: tuple(changed if one.fingerprint == changed.fingerprint else one for one in known)
        )

    def _pairing(self, worker: SavedWorker, secret: str | None = None) -> Pairing:
        return Pairing(worker.host, worker.port, worker.fingerprint, secret or self._secret(worker))

    def _secret(self, worker: SavedWorker) -> str:
        with self._lock:
            if known := self._known_secrets.get(worker.fingerprint):
                return known
        try:
            secret = self._kept(worker.fingerprint).read()
        except KeyringLockedError:
            secret = ""
        if not secret:
            raise HeftError(
                tr("The key of {name} is not known here any more.", name=worker.name),
                tr("Add it again by the line that 'heft worker' prints there."),
                kind=FailureKind.KEY_WRONG,
                settings_page="workers",
            )
        with self._lock:
            self._known_secrets[worker.fingerprint] = secret
        return secret

    def _kept(self, fingerprint: str) -> KeptKey:
        return KeptKey(f"worker {fingerprint}", self._secrets / fingerprint)

    def _new_name(self, name: str, but: str = "") -> str:
        name = " ".join(name.split())
        if not name or len(name) > _LONGEST_NAME or set("/,@") & set(name) or one_line(name) != name:
            raise UsageError(
                tr(
                    "A computer's name has up to {longest_name} signs, and no slash, comma nor @.",
                    longest_name=_LONGEST_NAME,
                ),
                tr("Give it another name."),
            )
        if name.casefold() in [one.name.casefold() for one in self.all() if one.name != but]:
            raise UsageError(tr("There is a computer called {name}.", name=name), tr("Give it another name."))
        return name

    def _free_name(self, pairing: Pairing) -> str:
        label = pairing.host.split(".")[0]
        first = pairing.host if ":" in pairing.host or label.isdecimal() else label
        taken = [one.name.casefold() for one in self.all() if one.fingerprint != pairing.fingerprint]
        name, number = first[:_LONGEST_NAME], 1
        while name.casefold() in taken:
            number += 1
            name = f"{first[: _LONGEST_NAME - 4]}-{number}"
        return name


def _silent(worker: SavedWorker) -> HeftError:
    return HeftError(
        tr("No worker answers at {host}:{port}.", host=worker.host, port=worker.port),
        tr("Start it there: heft worker"),
        kind=FailureKind.UNREACHABLE,
        settings_page="workers",
    )
