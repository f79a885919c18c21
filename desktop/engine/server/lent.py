"""A model in a server of its own, which others ask by its address; nothing is asked of it here."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.api import EngineDied, Event, Hello, Load, Loaded, LoadProgress
from desktop.engine.endpoint.http import Address
from desktop.engine.server.held import Held, Loading
from desktop.engine.server.log import ServerLog
from desktop.engine.tools.renderer import Renderer
from desktop.system.spawn import start_thread

_LOOK_SECONDS = 0.05
_END_SECONDS = 8.0


class LentServer:
    """Loads when it is made and waits for that; :meth:`close` ends the process.

    A thread of its own starts the process and lives as long: Linux ends a child with the thread it came from.
    """

    asks = False  # whether conversations are rendered for it as long as it lives

    def __init__(
        self,
        load: Load,
        *,
        log_path: Path,
        directory: Path,
        hello: Callable[[], Hello | None],
        cancelled: Cancelled = never,
        ended: Callable[[], None] = lambda: None,
        loading: Callable[[float], None] = lambda _fraction: None,
    ) -> None:
        """``ended`` hears that a loaded process is gone unasked, ``loading`` how much of the weights is read (0 to 1).
        Raises HeftError with the cause of a failed load, CancelledError."""
        self._heard_loading = loading
        self._load, self._log_path, self._directory, self._hello, self._ended = load, log_path, directory, hello, ended
        self._held: Held | None = None
        self._failure: Exception | None = None
        self._loading: Loading | None = None
        self._gave_up = False
        self._done, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"llama-server {Path(load.path).stem}", daemon=True)
        try:
            start_thread(self._thread)
        except OSError as error:
            raise EngineError(
                tr("The engine could not be started."), tr("Close other programs: there is not enough memory."),
                detail=str(error), kind=FailureKind.NOT_STARTED,
            ) from error  # fmt: skip
        self._await(cancelled)

    def _await(self, cancelled: Cancelled) -> None:
        try:
            while not self._done.wait(_LOOK_SECONDS):
                if cancelled() and not self._gave_up:
                    self._gave_up = True
                    if self._loading is not None:
                        self._loading.cancel()
            if self._gave_up:
                raise CancelledError(tr("Loading was cancelled."))
            if self._failure is not None:
                raise self._failure
        except BaseException:  # nobody else knows of the process
            self.close()
            raise

    @property
    def _it(self) -> Held:
        assert self._held is not None  # else the constructor has raised
        return self._held

    @property
    def loaded(self) -> Loaded:
        """What is loaded."""
        return self._it.loaded

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._it.address

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._it.process.exit_code is None and not self._end.is_set()

    def close(self) -> None:
        """End the process, which frees its memory, and wait for that."""
        self._gave_up = True
        self._end.set()
        if self._loading is not None:
            self._loading.cancel()  # at once, whatever its thread is about
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        log, renderer = ServerLog(self._log_path), Renderer()
        try:
            try:
                with contextlib.suppress(HeftError):
                    renderer.start()
                self._loading = Loading(
                    self._load,
                    directory=self._directory,
                    log=log,
                    renderer=renderer,
                    mark_key=secrets.token_hex(8),
                    hello=self._hello,
                    tell=self._hear,
                    ended=lambda _process: self._process_ended(),
                )
                if self._gave_up:
                    self._loading.cancel()
                self._held = self._loading.run()
                self._held.process.send("step 0")  # whole batches: no answer is stopped between two of its steps
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                self._failure = error
            finally:
                if not self.asks:
                    renderer.close()
                self._done.set()
            if self._held is not None:
                self._end.wait()
                self._held.close()
        finally:
            renderer.close()
            log.close()

    def _hear(self, event: Event | EngineDied) -> None:
        if isinstance(event, LoadProgress):
            self._heard_loading(event.fraction)

    def _process_ended(self) -> None:
        if self._held is not None and not self._end.is_set():
            self._ended()
