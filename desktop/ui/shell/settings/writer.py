"""Options on the GUI thread: read without a wait, written in the background in their order, watched in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from desktop.core.errors import HeftError
from desktop.store.options import Option
from desktop.store.settings import Changed, SettingsData, SettingsStore
from desktop.ui.shell.engine_bridge import Bridge
from desktop.ui.shell.tasks import Lane, Tasks

T = TypeVar("T")
_SETTLED_MS = 100  # a file is written in several steps; the last one counts


class OptionWriter(QObject):
    """The options of one window. Changes come out of :attr:`changed`, whoever made them."""

    changed = Signal(object)  # Changed
    failed = Signal(object)  # HeftError; the rows are told with ``refused`` too
    refused = Signal(object)  # Option that keeps its old value

    def __init__(
        self, settings: SettingsStore, known: SettingsData, tasks: Tasks, parent: QObject | None = None
    ) -> None:
        """``known`` are the settings as they were read at the start."""
        super().__init__(parent)
        self._settings = settings
        self._known = known
        self._tasks = tasks
        self._waiting: dict[Option[Any], Any] = {}
        self._writing = False
        self._bridge = Bridge(settings.subscribe, lambda older, newer: None)
        self._bridge.received.connect(self._heard)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLED_MS)
        self._settle.timeout.connect(self._read_again)
        self._watcher: QFileSystemWatcher | None = None

    def get(self, option: Option[T]) -> T:
        """The value of an option, with what waits to be written."""
        found: T = self._waiting.get(option, self._known.get(option))
        return found

    def is_default(self, option: Option[Any]) -> bool:
        """Whether it is as if nobody had chosen anything."""
        return bool(self.get(option) == option.default)

    def put(self, option: Option[T], value: T) -> None:
        """Change an option; written in the background, after what was put before."""
        self._waiting[option] = value
        if not self._writing:
            self._write()

    def reset(self, option: Option[Any]) -> None:
        """Back to the default."""
        self.put(option, option.default)

    def watch(self) -> None:
        """From now on hear what other programs write, such as ``heft config`` in a terminal."""
        if self._watcher is None:
            self._watcher = QFileSystemWatcher(self)
            self._watcher.directoryChanged.connect(lambda _: self._settle.start())
            self._watcher.fileChanged.connect(lambda _: self._settle.start())
            self._read_again()

    def close(self) -> None:
        """Write what still waits, and hear nothing more."""
        waiting, self._waiting = self._waiting, {}
        self._settle.stop()
        self._bridge.close()
        if waiting:
            self._settings.change(waiting, self)

    # -- inside ----------------------------------------------------------------------------------

    def _write(self) -> None:
        waiting = dict(self._waiting)
        self._writing = True
        self._tasks.run(
            lambda context: self._settings.change(waiting, self),
            done=lambda _: self._written(waiting),
            failed=lambda error: self._not_written(waiting, error),
            lane=Lane.COMMAND,
            owner=self,
        )

    def _written(self, written: dict[Option[Any], Any]) -> None:
        self._writing = False
        self._known = SettingsData({**self._known.changed(), **{o.key: v for o, v in written.items()}})
        self._waiting = {o: v for o, v in self._waiting.items() if o not in written or v != written[o]}
        if self._waiting:
            self._write()

    def _not_written(self, refused: dict[Option[Any], Any], error: HeftError) -> None:
        self._writing = False
        self._waiting = {o: v for o, v in self._waiting.items() if o not in refused or v != refused[o]}
        for option in refused:
            self.refused.emit(option)
        self.failed.emit(error)
        if self._waiting:
            self._write()

    def _heard(self, change: Changed) -> None:
        self._known = SettingsData({**self._known.changed(), change.option.key: change.new})
        self.changed.emit(change)

    def _read_again(self) -> None:
        """Look into the file, and watch it anew: one that was replaced is watched no longer."""
        self._tasks.run(lambda context: self._settings.load(), failed=lambda error: None, lane=Lane.JOB, owner=self)
        assert self._watcher is not None
        path = self._settings.path
        for place in (path, _nearest(path.parent)):
            if str(place) not in (*self._watcher.files(), *self._watcher.directories()) and place.exists():
                self._watcher.addPath(str(place))


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of it."""
    return next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
