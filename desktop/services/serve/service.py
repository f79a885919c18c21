"""The server for other programs, switched on and off: one owner, one door, one key, and what they are doing."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from desktop.core.cancelled import never
from desktop.core.errors import HeftError
from desktop.core.model_kind import ModelKind
from desktop.services.serve import owner as owning
from desktop.services.serve.addresses import EVERYWHERE, LOOPBACK, allowed_hosts, shown_address
from desktop.services.serve.api import ModelLender, ModelState, Purpose, RequestRecord, ServedModel
from desktop.services.serve.estimates import Estimate, no_estimates
from desktop.services.serve.key import ServeKey
from desktop.services.serve.log import ServeLog
from desktop.services.serve.opening import DoorWishes, MakeDoor, OpenDoor, opened
from desktop.services.serve.status import status_document
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import Changed, SettingsStore
from desktop.system.listeners import Listeners

Phase = Literal["off", "starting", "on", "failed"]
By = Literal["window", "command"]

_log = logging.getLogger(__name__)
_AT_THE_DOOR = (
    options.SERVE_PORT,
    options.SERVE_NETWORK,
    options.SERVE_REQUEST_MEGABYTES,
    options.SERVE_WEB_PAGE,
)
_PURPOSES: dict[ModelKind, Purpose] = {ModelKind.EMBEDDING: "embedding", ModelKind.RERANKER: "rerank"}
_KEPT = 200  # requests of earlier doors


def _nothing() -> None:
    """There is nothing to leave."""


@dataclass(frozen=True)
class ServeState:
    """What the server is. ``address`` is where it is reached, or will be; ``network``: from other computers, too.

    ``error``: why it could not be started, or, while it is on, why it could not be changed and goes on as it was.
    ``elsewhere``: another process of Heft's serves, so that this one does not (``error`` names it).
    """

    phase: Phase = "off"
    address: str = ""
    network: bool = False
    web_page: bool = False
    error: HeftError | None = None
    elsewhere: bool = False


class ServeService:
    """Off until it is switched on. Thread-safe; switching takes its time and is not for the GUI thread."""

    def __init__(
        self,
        paths: Paths,
        settings: SettingsStore,
        key: ServeKey,
        lender: Callable[[], ModelLender],
        make_door: MakeDoor,
        estimate: Estimate = no_estimates,
    ) -> None:
        """``lender`` is made when models are first asked for. ``make_door`` makes a door that does not listen yet;
        ``estimate`` plans models that are not loaded.
        """
        self._paths, self._settings, self._make_door = paths, settings, make_door
        self.key, self.log, self.estimate = key, ServeLog(), estimate
        self.by: By = "window"
        self._lender = lender
        self._changes = Listeners[ServeState]()
        self._switching = threading.RLock()
        self._door: OpenDoor | None = None
        self._owner: owning.Owner | None = None
        self._port = 0  # that of this run, 0 for the settings'
        self._open: bool | None = None  # whether this run is open to the network, None for the settings
        self._held: DoorWishes | None = None  # those of the door that is open, or was last
        self._past: tuple[RequestRecord, ...] = ()  # of the doors before the present one
        self._leave_door: Callable[[], None] = _nothing
        self._leave_lender: Callable[[], None] = _nothing
        self._stopped = threading.Event()
        self._state = self._at_rest()
        self._unsubscribe = settings.subscribe(self._option_changed)

    # -- what is known ---------------------------------------------------------------------------

    @property
    def state(self) -> ServeState:
        """What it is now."""
        return self._state

    def subscribe(self, listener: Callable[[ServeState], None]) -> Callable[[], None]:
        """Hear each change: of the state, of a model, of a request; returns the way to stop hearing."""
        return self._changes.add(listener)

    def models(self) -> tuple[ModelState, ...]:
        """What each model that can be asked for is doing. Takes its time: it may look through the library."""
        lender = self._lender()
        if self._leave_lender is _nothing:
            self._leave_lender = lender.subscribe(self._tell)
        return lender.states()

    def requests(self) -> tuple[RequestRecord, ...]:
        """The newest requests, the newest first; those before the last restart of the door, too."""
        door = self._door
        return (*(door.requests() if door is not None else ()), *self._past)

    def status(self) -> dict[str, Any]:
        """All of it as ``heft serve status --json`` has it."""
        state = self._state
        models = self.models() if state.phase == "on" else ()
        return status_document(state, self.by, os.getpid(), models, self.requests())

    # -- on and off ------------------------------------------------------------------------------

    def switch_on(self, port: int = 0, network: bool | None = None) -> ServeState:
        """Serve; nothing where it does already. ``port`` and ``network`` hold for this run, else the settings' do.

        What keeps it from serving is in the state that it returns.
        """
        with self._switching:
            if self._state.phase == "on":
                return self._state
            self._port, self._open = port, network
            self._stopped.clear()
            self._start()
            return self._state

    def switch_off(self) -> None:
        """Serve no more: running answers get a moment, models that only clients used are unloaded."""
        with self._switching:
            served = self._state.phase == "on"
            self._close_door()
            if served:
                self._unload_all()
                _log.info("serving ended")
            self._port, self._open = 0, None
            self._change(self._at_rest())
            self._let_go()  # last: who takes over finds it at rest
            self._stopped.set()

    def wait_until_off(self) -> None:
        """Until somebody has switched it off. A signal interrupts it."""
        while not self._stopped.wait(3600.0):
            pass

    def look_elsewhere(self) -> None:
        """Find out whether another process of Heft's serves, while this one does not; the state says so then."""
        if not self._switching.acquire(blocking=False):
            return  # that finds out by itself
        try:
            state = self._state
            if state.phase == "off" or state.elsewhere:
                told = owning.ask_owner(self._paths.data, owning.STATUS)
                if told is not None and not state.elsewhere:
                    self._change(replace(self._at_rest(), error=owning.busy(told), elsewhere=True))
                elif told is None and state.elsewhere:
                    self._change(self._at_rest())
        except HeftError as error:  # it hangs, or ends in this moment
            _log.info("who serves did not answer: %s", error.kind)
        finally:
            self._switching.release()

    def take_over(self) -> ServeState:
        """Stop the process that serves instead of this one, and serve. HeftError when it does not stop."""
        owning.stop_owner(self._paths.data)
        return self.switch_on()

    def open_to_network(self, wanted: bool) -> None:
        """Let other computers reach it, or this one only, from now on. StoreError."""
        self._open = None
        self._settings.set(options.SERVE_NETWORK, wanted)

    def set_web_page(self, wanted: bool) -> None:
        """Offer llama.cpp's own web page, or not, from now on. StoreError."""
        self._settings.set(options.SERVE_WEB_PAGE, wanted)

    def new_key(self) -> str:
        """Another key; the present one is refused from now on. StoreError."""
        key = self.key.new()
        _log.info("the key is another one")
        self._apply()
        return key

    def close(self) -> None:
        """End it, and hear nothing more."""
        self._unsubscribe()
        if self._state.phase in ("on", "starting"):
            self.switch_off()
        self._leave_lender()
        self.log.close()

    # -- models ----------------------------------------------------------------------------------

    def load(self, model: ServedModel) -> None:
        """Load a model, as its first request would. Raises HeftError."""
        self._lender().acquire(model, _PURPOSES.get(model.kind, "text"), never).release()

    def unload(self, model: ServedModel) -> None:
        """Free its memory as soon as no answer uses it."""
        self._lender().unload(model)

    def _unload_all(self) -> None:
        lender = self._lender()
        for found in lender.states():
            if found.phase != "unloaded" and not found.in_chat:
                lender.unload(found.model)

    # -- inside ----------------------------------------------------------------------------------

    def _start(self) -> None:
        """From "starting" to "on" or "failed"."""
        wishes = self._wishes()
        self._change(_described("starting", wishes))
        try:
            self._own()
            self._listen(wishes)
        except HeftError as error:
            elsewhere = self._owner is None
            self._let_go()
            self._change(replace(_described("failed", wishes), error=error, elsewhere=elsewhere))
            _log.info("serving failed: %s", error.kind)

    def _start_anew(self) -> None:
        """With other wishes; where they cannot be, it goes on as it was, and the state says why."""
        before, wishes = self._held, self._wishes()
        self._close_door()
        self._change(_described("starting", wishes))
        try:
            self._listen(wishes)
        except HeftError as error:
            _log.info("the server could not be changed: %s", error.kind)
            if before is None:
                raise
            try:
                self._listen(replace(before, key=wishes.key), error)
            except HeftError:
                self._let_go()
                self._change(replace(_described("failed", wishes), error=error))

    def _own(self) -> None:
        """Be the one that serves. HeftError (BUSY) while another process is."""
        self._owner = self._owner or owning.Owner.claimed(self._paths.data, self._answer)

    def _listen(self, wishes: DoorWishes, error: HeftError | None = None) -> None:
        """Open a door and be "on"; ``error`` is why it is not as it was wished. HeftError where it cannot be opened."""
        wishes = wishes if wishes.key else replace(wishes, key=self.key.get())
        door = opened(self._make_door, self._lender(), wishes)
        self._door, self._held = door, wishes
        self._leave_door = door.subscribe(lambda _record: self._tell())
        self._change(replace(_described("on", wishes), error=error))
        _log.info("serving on port %d%s", wishes.port, ", open to the network" if wishes.network else "")

    def _close_door(self) -> None:
        if (door := self._door) is not None:
            self._door = None
            self._leave_door()
            door.close()
            self._past = (*door.requests(), *self._past)[:_KEPT]

    def _let_go(self) -> None:
        owned, self._owner = self._owner, None
        if owned is not None:
            owned.close()

    def _apply(self) -> None:
        """Open the door anew as the settings and the key are now, or try again where it could not be opened."""
        with self._switching:
            match self._state.phase:
                case "on":
                    self._start_anew()
                case "failed" if not self._state.elsewhere:
                    self._start()
                case "off":
                    self._change(self._at_rest())

    def _option_changed(self, change: Changed) -> None:
        if change.option in _AT_THE_DOOR:  # whoever changed it need not wait for answers that end meanwhile
            threading.Thread(target=self._apply, name="serve-apply", daemon=True).start()

    def _wishes(self) -> DoorWishes:
        """How the door is to be by the settings and what holds for this run. The key is added when it is opened."""
        network = self._settings.get(options.SERVE_NETWORK) if self._open is None else self._open
        return DoorWishes(
            host=EVERYWHERE if network else LOOPBACK,
            port=self._port or self._settings.get(options.SERVE_PORT),
            allowed_hosts=allowed_hosts(network=network),
            network=network,
            web_page=self._settings.get(options.SERVE_WEB_PAGE),
            request_bytes=self._settings.get(options.SERVE_REQUEST_MEGABYTES) * 1_000_000,
        )

    def _at_rest(self) -> ServeState:
        return _described("off", self._wishes())

    def _change(self, state: ServeState) -> None:
        self._state = state
        self._changes.tell(state)

    def _tell(self) -> None:
        self._changes.tell(self._state)

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What another process of Heft's asks; on a thread of its own."""
        try:
            match asked.get("action"):
                case owning.STOP:
                    threading.Thread(target=self.switch_off, name="serve-stop", daemon=True).start()
                case owning.NEW_KEY:
                    self.new_key()
            return self.status()
        except HeftError as error:
            return {"error": error.as_dict()}


def _described(phase: Phase, wishes: DoorWishes) -> ServeState:
    return ServeState(phase, shown_address(wishes.port, network=wishes.network), wishes.network, wishes.web_page)
