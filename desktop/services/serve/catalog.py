"""What clients can ask for: the library's models by name, looked for once and again when that may have changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from desktop.core.errors import HeftError
from desktop.services.serve.api import ServedModel
from desktop.services.serve.names import Names, served_models
from desktop.store.library import LibraryModel
from desktop.system.atomic import write_atomically

FRESH_SECONDS = 30.0  # a list that is older is looked through again, beside the request that asked for it
MISS_SECONDS = 2.0  # for a name that nobody knows the folders are looked into again, but no more often than so
_log = logging.getLogger(__name__)


class Models(Protocol):
    """The library: :class:`desktop.services.models.library.LibraryService`."""

    def scan(self) -> Sequence[LibraryModel]:
        """Look through all folders."""

    def known(self) -> tuple[LibraryModel, ...]:
        """What the last scan found, whoever asked for it."""


class GivenNames:
    """The names that models were given, by their identity; one small file. One that cannot be read gives none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, str]:
        """All of them, also those of models that are not here now."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}

    def save(self, names: dict[str, str]) -> None:
        """Keep them; where that cannot be, names are found anew after a restart."""
        try:
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(names)))
        except OSError as error:
            _log.warning("the names of served models could not be kept: %s", error.strerror)


class Catalog:
    """The models by name. Thread-safe; only the first question, and one for an unknown name, waits for the folders."""

    def __init__(
        self, library: Models, given: GivenNames, *, clock: Callable[[], float] = time.monotonic,
        changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """``changed`` hears that other models are there than before."""
        self._library, self._given, self._clock, self._changed = library, given, clock, changed
        self._lock = threading.Lock()
        self._scanning = threading.Lock()
        self._names: Names | None = None
        self._of: tuple[LibraryModel, ...] = ()
        self._looked = 0.0
        self._refreshing = False

    def models(self) -> tuple[ServedModel, ...]:
        """All, by name."""
        return self._current().models()

    def find(self, name: str) -> ServedModel | None:
        """The model of a name or alias; None where there is none."""
        found = self._current().find(name)
        if found is None and name.strip() and self._clock() - self._looked >= MISS_SECONDS:
            self.refresh()
            found = self._current().find(name)
        return found

    def refresh(self) -> None:
        """Look through the folders now."""
        began = self._clock()
        with self._scanning:
            if self._names is None or self._looked < began:  # else another one looked meanwhile
                self._library.scan()
                self._take(self._library.known())
                self._looked = self._clock()

    def _current(self) -> Names:
        if self._names is None:
            self.refresh()
        if (known := self._library.known()) is not self._of:  # a page looked for models
            self._take(known)
        if self._clock() - self._looked >= FRESH_SECONDS:
            self._refresh_beside()
        assert self._names is not None
        return self._names

    def _take(self, models: tuple[LibraryModel, ...]) -> None:
        with self._lock:
            if self._names is not None and models is self._of:
                return
            given = self._given.load()
            found = served_models(models, given)
            names = given | {model.ref.identity: model.name for model in found}
            if names != given:
                self._given.save(names)
            before, self._names, self._of = self._names, Names(found), models
        if before is not None and before.models() != found:
            self._changed()

    def _refresh_beside(self) -> None:
        with self._lock:
            if self._refreshing:
                return
            self._refreshing = True
        threading.Thread(target=self._refreshed, name="served models", daemon=True).start()

    def _refreshed(self) -> None:
        try:
            self.refresh()
        except (HeftError, OSError) as error:
            _log.warning("looking for models to serve: %s", error)
        finally:
            self._looked = self._clock()
            self._refreshing = False
