"""The page Data: where Heft's data lies, how much it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QSizePolicy, QVBoxLayout

from desktop.core.errors import HeftError
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.store.own_data import DataPlace, PlaceName, clear_caches, export_everything, own_places, size_of
from desktop.store.paths import Paths
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.backup import BackupCard
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

_WORDS: dict[PlaceName, str] = {
    "settings": tr("Settings"),
    "chats": tr("Chats"),
    "measurements": tr("Measurements of this computer"),
    "models": tr("Your own models"),
    "backends": tr("Further backends"),
    "downloads": tr("Downloads"),
    "caches": tr("Caches"),
    "logs": tr("Logs"),
}
_CACHES = tr("What can be fetched or worked out again. Models are not touched.")
_EXPORT = tr(
    "One zip file with settings, chats (as they are, and as Markdown to read) and "
    "measurements. Models, backends, caches and logs stay out; no token is in it."
)
_REPORT = tr(
    "One zip file in your folder of downloads: logs, versions and this computer, for an "
    "issue. Names, places of yours, chats and tokens are taken out. Nothing is sent."
)


class DataPane(SettingsPane):
    """A table of places whose sizes are counted in the background, and two things to do."""

    notify = Signal(object)  # HeftError or str
    report_asked = Signal()

    def __init__(
        self, writer: OptionWriter, theme: Theme, tasks: Tasks, paths: Paths, downloads: Callable[[], Path]
    ) -> None:
        """``downloads`` is the folder that models are fetched into."""
        super().__init__(writer, theme)
        self._tasks, self._paths, self._downloads = tasks, paths, downloads
        self._counting: Task | None = None
        self._sizes: dict[PlaceName, QLabel] = {}
        places = self.add_card("settingsPlaces", tr("Where things are"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 1)
        places.column.addLayout(self._grid)
        caches = self.add_card("settingsCaches", tr("Caches"))
        self._clear = push_button(tr("Clear"), "settingsClearCaches", spoken=tr("Clear the caches"))
        self._clear.clicked.connect(self._clear_caches)
        caches.head.addWidget(self._clear)
        caches.add_line("settingsCachesText", _CACHES, "muted")
        self.backup = BackupCard(self.add_card("settingsBackup", tr("Backup")), paths, tasks, self)
        self.backup.restored.connect(self.shown)
        export = self.add_card("settingsExport", tr("Export everything"))
        self._export = push_button(tr("Export…"), "settingsExportButton", spoken=tr("Export everything"))
        self._export.clicked.connect(self._choose_export)
        export.head.addWidget(self._export)
        export.add_line("settingsExportText", _EXPORT, "muted")
        self._told = export.add_line("settingsExportState")
        self._told.hide()
        report = self.add_card("settingsReport", tr("Report a problem"))
        save = push_button(tr("Save report"), "settingsReportButton", spoken=tr("Save a report for an issue"))
        save.clicked.connect(calling(self.report_asked.emit))
        report.head.addWidget(save)
        report.add_line("settingsReportText", _REPORT, "muted")
        self.column.addStretch(1)

    def shown(self) -> None:
        """Count again."""
        places = own_places(self._paths, self._downloads())
        if not self._sizes:
            for row, place in enumerate(places):
                self._add_place(row, place)
        if self._counting is not None:
            self._counting.cancel()
        self._counting = self._tasks.run(
            lambda context: _count(places, context),
            progress=self._show_sizes,
            done=self._show_sizes,
            lane=Lane.JOB,
            owner=self,
        )

    def export_to(self, target: Path) -> None:
        """Write the export in the background."""
        self._export.setEnabled(False)
        self._tell(tr("Writing…"), "muted")
        self._tasks.run(
            lambda context: export_everything(self._paths, target, context.progress),
            progress=lambda step: self._tell(tr("Writing… {fraction:.0%}", fraction=step.fraction), "muted"),
            done=lambda size: self._exported(target, size),
            failed=self._not_exported,
            lane=Lane.JOB,
            owner=self,
        )

    # -- inside ----------------------------------------------------------------------------------

    def _add_place(self, row: int, place: DataPlace) -> None:
        path = ElidedLabel(str(place.opens if len(place.paths) != 1 else place.paths[0]))
        path.setObjectName(f"settingsPath_{place.name}")
        path.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(path, "muted")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(plain_label(f"settingsPlace_{place.name}", text=_WORDS[place.name]))
        words.addWidget(path)
        size = plain_label(f"settingsSize_{place.name}", text="…", wraps=False)
        size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._sizes[place.name] = size
        opens = push_button(
            tr("Open"), f"settingsOpen_{place.name}", spoken=tr("Open the folder: {words}", words=_WORDS[place.name])
        )
        set_role(opens, "small")
        opens.clicked.connect(calling(_open, place.opens))
        self._grid.addLayout(words, row, 0)
        self._grid.addWidget(size, row, 1)
        self._grid.addWidget(opens, row, 2)

    def _show_sizes(self, sizes: dict[PlaceName, int]) -> None:
        for name, size in sizes.items():
            self._sizes[name].setText(human_bytes(size))

    def _clear_caches(self) -> None:
        self._clear.setEnabled(False)
        self._tasks.run(
            lambda context: clear_caches(self._paths),
            done=self._cleared,
            failed=self._not_cleared,
            lane=Lane.JOB,
            owner=self,
        )

    def _cleared(self, freed: int) -> None:
        self._clear.setEnabled(True)
        self.notify.emit(tr("{freed} of caches were cleared.", freed=human_bytes(freed)))
        self.shown()

    def _not_cleared(self, error: HeftError) -> None:
        self._clear.setEnabled(True)
        self.notify.emit(error)

    def _choose_export(self) -> None:
        dialog = QFileDialog(self, tr("Export everything"), "heft-export.zip", tr("Zip files (*.zip)"))
        dialog.setObjectName("exportDialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.export_to(Path(name)))
        dialog.open()

    def _exported(self, target: Path, size: int) -> None:
        self._export.setEnabled(True)
        self._tell(tr("{name} was written, {size}.", name=target.name, size=human_bytes(size)), "good")

    def _not_exported(self, error: HeftError) -> None:
        self._export.setEnabled(True)
        self._tell(f"{error.message} {error.hint}", "bad")

    def _tell(self, words: str, role: str) -> None:
        self._told.setText(words)
        self._told.show()
        set_role(self._told, role)


def _count(places: tuple[DataPlace, ...], context: TaskContext) -> dict[PlaceName, int]:
    """The bytes of each place; told after each."""
    sizes: dict[PlaceName, int] = {}
    for place in places:
        sizes[place.name] = size_of(place, lambda: context.cancelled)
        context.progress(dict(sizes))
    return sizes


def _open(folder: Path, _checked: bool = False) -> None:
    """Open a folder, or the nearest above it that is there."""
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(there)))
