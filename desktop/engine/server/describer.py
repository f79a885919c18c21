"""What the engine is, found out once, by a process of its own, when somebody asks; and anew when backends changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.engine.api import EngineDied, Hello
from desktop.engine.helper_process import Tool
from desktop.engine.server import describing
from desktop.engine.server.held import ServerDiedError
from desktop.system.spawn import start_thread


class Describer:
    """Thread-safe. ``found`` hears what the engine is, once; ``failed`` why that could not be found out."""

    def __init__(
        self, working_directory: Path, found: Callable[[Hello], None], failed: Callable[[EngineDied], None]
    ) -> None:
        self._found, self._failed = found, failed
        self._description: Tool[Hello] = Tool("desktop.engine.tools.description", Hello, working_directory)
        self._lock = threading.Lock()
        self._hello: Hello | None = None
        self._described = threading.Event()
        self._describer: threading.Thread | None = None
        self.patience = describing.PLAIN_SECONDS

    def describe(self) -> None:
        """Find it out, by a process that takes part of a second: it is told within ``patience`` seconds, since further
        backends that were not tried yet are tried before.
        """
        with self._lock:
            if self._describer is not None:
                return
            self.patience = describing.most_seconds()
            self._describer = threading.Thread(target=self._describe, name="engine description", daemon=True)
        try:
            start_thread(self._describer)
        except OSError as error:
            self._described.set()
            self._failed(EngineDied(FailureKind.NOT_STARTED, "The engine could not be started.", str(error), "", None))

    def forget(self) -> None:
        """The backends have changed: what the engine is will be found out anew when somebody asks."""
        with self._lock:
            if self._described.is_set():
                self._describer = self._hello = None
                self._described.clear()

    def wait(self) -> Hello | None:
        """What the engine is, None when that could not be found out."""
        self.describe()
        self._described.wait()
        return self._hello

    def blamed(self, error: HeftError) -> HeftError:
        """A load that crashed or hung, laid on a further backend where one fails when all are tried again."""
        before = self._hello
        if before is None or not describing.suspected():
            return error
        self.forget()
        now = self.wait()
        new = [sentence for sentence in now.left_out if sentence not in before.left_out] if now is not None else []
        if not new:
            return error
        kind, hint = FailureKind.REFUSED_BACKEND, "Load the model again: it runs on what is left."
        if isinstance(error, ServerDiedError):
            return ServerDiedError(EngineDied(kind, new[0], hint, error.died.log_tail, error.died.exit_code))
        return EngineError(new[0], hint, detail=error.detail, kind=kind)

    def _describe(self) -> None:
        try:
            self._hello = describing.describe(self._description)
            self._found(self._hello)
        except HeftError as error:
            self._failed(EngineDied(error.kind, error.message, error.hint, error.detail, None))
        finally:
            self._described.set()
            self._description.close()
