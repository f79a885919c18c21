"""Other computers' devices as devices of this one: workers by name, found or not, joined by tunnels, measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Gpu
from desktop.core.speed import DeviceSpeed
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.services.kept_key import Place
from desktop.services.named_list import LONGEST_NAME, LOOK_SECONDS, NamedList, NameRule, ask_all
from desktop.services.worker.about import About, LentDevice
from desktop.services.worker.identity import SCHEME, Pairing, read_pairing
from desktop.services.worker.questions import LINK_SECONDS, ask_about, measure_link
from desktop.services.worker.secrets import WorkerSecrets
from desktop.services.worker.ssh import START_SECONDS, SshWorkers, checked_target, host_of
from desktop.services.worker.tunnel import Tunnel
from desktop.services.worker.wiring import address, unwire, wire
from desktop.store.paths import Paths
from desktop.store.workers import SavedWorker, WorkerStore

JOIN_SECONDS = 3.0  # an engine's first start waits no longer for computers that may be off
AGAIN_SECONDS = 60.0  # one that was out of reach is not tried again sooner, unless somebody asks for it
_SSH = "ssh "  # begins the fingerprint of one that ssh starts
_MAY_COME = (FailureKind.UNREACHABLE, FailureKind.TIMEOUT)  # a computer that is off is no reason not to add it
_SSH_LOOK_SECONDS = START_SECONDS + 5.0  # asking all of them, with one that has to be started first


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
        self._named = NamedList(
            WorkerStore(paths.workers), NameRule("computer", "/,@", "no slash, comma nor @", _missing)
        )
        self._secrets, self._ssh = WorkerSecrets(paths.worker_secrets), SshWorkers(paths.scratch)
        self._changed, self._tell, self._clock = changed, tell, clock
        self._lock = threading.RLock()
        self._joined: dict[str, _Joined] = {}  # by fingerprint
        self._missed: dict[str, tuple[float, HeftError]] = {}  # when it was last out of reach, and why
        self._closed = False

    # -- which there are -----------------------------------------------------------------------------

    def all(self) -> tuple[SavedWorker, ...]:
        """Those that were added; nobody is asked."""
        return self._named.all()

    def find(self, name: str) -> SavedWorker:
        """The worker of a name. Raises NotFoundError."""
        return self._named.find(name)

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
        but = known.name if known else ""
        name = self._named.new_name(name, but) if name.strip() else self._named.free_name(_called(pairing.host), but)
        worker = SavedWorker(name, pairing.host, pairing.port, pairing.fingerprint, known.link if known else None)
        found = self._asked(worker, pairing.secret)
        if found.error is not None and found.error.kind != FailureKind.UNREACHABLE:  # one that is off may come
            raise found.error
        kept = self._secrets.keep(pairing.fingerprint, pairing.secret)
        return replace(self._added(found), kept=kept)

    def add_by_ssh(self, target: str, name: str = "", heft: str = "", cancelled: Cancelled = never) -> Reached:
        """Keep the computer that ssh reaches as ``target``, start its worker, and join it; one that is off is kept,
        too. ``heft`` is the program there, "" for the one that its shell finds.

        Raises UsageError: no target, a name that is taken. HeftError as :class:`SshWorker` does, but for "unreachable"
        and "timeout". StoreError, CancelledError.
        """
        target, heft = checked_target(target), heft.strip()
        fingerprint, host = f"{_SSH}{target}", host_of(target)
        known = next((one for one in self.all() if one.fingerprint == fingerprint), None)
        but = known.name if known else ""
        if known is not None and not name.strip():
            name = but
        name = self._named.new_name(name, but) if name.strip() else self._named.free_name(_called(host), but)
        worker = SavedWorker(name, host, 0, fingerprint, known.link if known else None, target, heft)
        self._leave(fingerprint)  # it may be started otherwise now
        found = self._asked(worker, cancelled=cancelled)
        if found.error is not None and found.error.kind not in _MAY_COME:
            raise found.error
        return self._added(found)

    def rename(self, name: str, new: str) -> SavedWorker:
        """Raises NotFoundError, UsageError for a name that is none or is taken."""
        changed = self._named.rename(name, new)
        self._changed()
        return changed

    def remove(self, name: str) -> SavedWorker:
        """Forget a worker and its secret. Raises NotFoundError, StoreError, HeftError (no-keyring)."""
        found = self.find(name)
        self._named.forget(found)
        self._leave(found.fingerprint)
        if not found.ssh:
            self._secrets.forget(found.fingerprint)
        return found

    # -- asking them -----------------------------------------------------------------------------------

    def test(self, name: str) -> Reached:
        """Ask a worker now, and join it where it answers. Raises NotFoundError."""
        return self._joining(self._asked(self.find(name)))

    def look(self, cancelled: Cancelled = never, seconds: float = 0.0) -> tuple[Reached, ...]:
        """Ask all of them at the same time, and join those that answer within ``seconds`` (0: as long as that may
        take). Those that ssh starts are started.
        """
        known = self.all()
        longest = seconds or (_SSH_LOOK_SECONDS if any(one.ssh for one in known) else LOOK_SECONDS)
        asked, others = self._ask_and_join(known, longest, cancelled)
        if others:
            self._changed()
        return tuple(found or Reached(one, error=_silent(one)) for one, found in zip(known, asked, strict=True))

    def summon(self, names: Sequence[str] | None = None, cancelled: Cancelled = never) -> None:
        """Start and join those that ssh starts, before they are used: all, or those of these ``names``. What keeps one
        from it is told by whoever wants its devices; one that failed is not tried again within AGAIN_SECONDS, unless
        it is named.
        """
        wanted = None if names is None else {name.casefold() for name in names}
        due = [
            one for one in self.all()
            if one.ssh and not self._is_joined(one)
            and (one.name.casefold() in wanted if wanted is not None else self._is_due(one))
        ]  # fmt: skip
        if self._ask_and_join(due, _SSH_LOOK_SECONDS, cancelled)[1]:
            self._changed()

    def measure(self, name: str, cancelled: Cancelled = never, seconds: float | None = None) -> SavedWorker:
        """Measure the way to a worker, which takes up to ``seconds`` (None: LINK_SECONDS), and keep what came of it.

        Raises NotFoundError, HeftError where it cannot be reached, CancelledError.
        """
        worker = self.find(name)
        link = measure_link(self._pairing(worker), LINK_SECONDS if seconds is None else seconds, cancelled)
        measured = msgspec.structs.replace(worker, link=link)
        self._named.replace(worker, measured)
        self._changed()
        return measured

    # -- for the engine ------------------------------------------------------------------------------

    def join(self) -> bool:
        """Before the engine starts: open a tunnel to each worker that answers soon. Whether there are others now.

        None is started by ssh for that: see :meth:`summon`.
        """
        wanted = [one for one in self.all() if not one.ssh and self._is_due(one)]
        return self._ask_and_join(wanted, JOIN_SECONDS)[1]

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
        self._ssh.close()

    # -- inside ------------------------------------------------------------------------------------------

    def _is_due(self, worker: SavedWorker) -> bool:
        with self._lock:
            missed = self._missed.get(worker.fingerprint)
            late = missed is None or self._clock() - missed[0] >= AGAIN_SECONDS
            return worker.fingerprint not in self._joined and late

    def _is_joined(self, worker: SavedWorker) -> bool:
        with self._lock:
            return worker.fingerprint in self._joined

    def _ask_and_join(
        self, workers: Sequence[SavedWorker], seconds: float, cancelled: Cancelled = never
    ) -> tuple[tuple[Reached | None, ...], bool]:
        """What those say that answer in time, and whether the engine has other devices then. One that answers later is
        joined, too, and told of.
        """
        before, late = self._ports(), threading.Event()

        def ask(worker: SavedWorker) -> Reached:
            found = self._joining(self._asked(worker, cancelled=cancelled), tell=False)
            if late.is_set() and found.reachable:
                self._changed()
            return found

        asked = ask_all(workers, ask, seconds, cancelled, self._clock)
        with self._lock:
            late.set()
            return asked, self._ports() != before

    def _added(self, found: Reached) -> Reached:
        """Keep one that was asked, in the place of the one with its fingerprint, and join it."""
        worker = found.worker
        self._named.change(lambda every: (*(one for one in every if one.fingerprint != worker.fingerprint), worker))
        if not worker.ssh:
            self._leave(worker.fingerprint)  # it may have moved
        return self._joining(found)

    def _asked(self, worker: SavedWorker, secret: str | None = None, cancelled: Cancelled = never) -> Reached:
        try:
            return Reached(worker, ask_about(self._pairing(worker, secret, cancelled)))
        except CancelledError:
            raise
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
        if worker.ssh:
            error = self._ssh.lost(worker.ssh) or error  # ssh itself knows more of it
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
        if fingerprint.startswith(_SSH):
            self._ssh.end(fingerprint.removeprefix(_SSH))
        if joined is not None:
            self._changed()

    def _ports(self) -> frozenset[int]:
        with self._lock:
            return frozenset(one.tunnel.port for one in self._joined.values())

    def _pairing(self, worker: SavedWorker, secret: str | None = None, cancelled: Cancelled = never) -> Pairing:
        if worker.ssh:
            return self._ssh.pairing(worker.ssh, worker.heft, cancelled)
        return Pairing(worker.host, worker.port, worker.fingerprint, secret or self._secrets.get(worker))


def _called(host: str) -> str:
    """What to call a computer: the first part of its host's name."""
    label = host.split(".")[0]
    return host if ":" in host or label.isdecimal() else label


def _missing(name: str) -> NotFoundError:
    return NotFoundError(
        tr("No computer called {name} was added.", name=one_line(name, LONGEST_NAME)),
        tr("See which there are: heft workers"),
    )


def _silent(worker: SavedWorker) -> HeftError:
    return HeftError(
        tr("No worker answers at {where}.", where=worker.where),
        tr("See that this works: ssh {ssh}", ssh=worker.ssh) if worker.ssh else tr("Start it there: heft worker"),
        kind=FailureKind.UNREACHABLE,
        settings_page="workers",
    )
