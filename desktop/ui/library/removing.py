"""Removing a model: what it would free and mean is asked about first, then it is done."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.core.words import tr
from desktop.services.models.library import LibraryModel, LibraryService
from desktop.services.models.removal import Removal, RemovalService
from desktop.services.models.removal_words import consequences, question
from desktop.ui.shared.signals import calling
from desktop.ui.shell.tasks import Lane, Tasks


class Removing(QObject):
    """The question lies over ``parent``."""

    removed = Signal(object)  # Removal that was done
    failed = Signal(object)  # HeftError: Heft may not, or could not

    def __init__(self, service: LibraryService, removals: RemovalService, tasks: Tasks, parent: QWidget) -> None:
        super().__init__(parent)
        self._service, self._removals, self._tasks, self._over = service, removals, tasks, parent

    def ask(self, model: LibraryModel | Path) -> None:
        """Ask about a model, or the one of a file, and remove it on yes."""
        self._tasks.run(
            lambda context: self._removals.plan(
                self._service.resolve(str(model)) if isinstance(model, Path) else model
            ),
            done=self._ask_whether,
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def _ask_whether(self, removal: Removal) -> None:
        buttons = QMessageBox.StandardButton.Cancel
        box = QMessageBox(QMessageBox.Icon.Question, tr("Remove model"), question(removal), buttons, self._over)
        box.setObjectName("libraryRemoveQuestion")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText("\n".join(consequences(removal)))
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        word = tr("Move to trash") if removal.to_trash else tr("Remove")
        confirm = box.addButton(word, QMessageBox.ButtonRole.DestructiveRole)
        confirm.setObjectName("libraryRemoveConfirm")
        confirm.clicked.connect(calling(self._remove, removal))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _remove(self, removal: Removal) -> None:
        self._tasks.run(
            lambda context: self._removals.remove(removal),
            done=lambda _: self.removed.emit(removal),
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )
