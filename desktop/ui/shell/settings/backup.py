"""The card of the page Data that writes a full backup, and brings one back after it has said what that means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QWidget

from desktop.core.errors import HeftError
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.restore_words import made_on, restored_lines
from desktop.store.backup import Written, write_backup
from desktop.store.paths import Paths
from desktop.store.restore import Restored, look_at_backup, restore_backup
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.signals import calling
from desktop.ui.shell.settings.rows import SettingsCard
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import set_role

_TEXT = tr(
    "One zip file with chats, settings, presets and saved prompts, what is remembered of "
    "models, and measured runs. Models, tokens and passwords are not in it. Restoring "
    "adds the chats to those that are here."
)
_KINDS = tr("Backups (*.zip)")


class BackupCard(QObject):
    """Fills a card, whose questions lie over ``parent``."""

    restored = Signal()

    def __init__(self, card: SettingsCard, paths: Paths, tasks: Tasks, parent: QWidget) -> None:
        super().__init__(parent)
        self._paths, self._tasks, self._over = paths, tasks, parent
        self._back_up = push_button(tr("Back up…"), "settingsBackUp", spoken=tr("Back up everything"))
        self._back_up.clicked.connect(calling(self._choose_target))
        self._restore = push_button(tr("Restore…"), "settingsRestore", spoken=tr("Restore a backup"))
        self._restore.clicked.connect(calling(self._choose_backup))
        card.head.addWidget(self._back_up)
        card.head.addWidget(self._restore)
        card.add_line("settingsBackupText", _TEXT, "muted")
        self._told: QLabel = card.add_line("settingsBackupState")
        self._told.hide()

    def back_up_to(self, target: Path) -> None:
        """Write a backup in the background, in place of a file that the dialog asked about."""

        def done(written: Written) -> None:
            self._tell(
                tr("{name} was written, {size_bytes}.", name=target.name, size_bytes=human_bytes(written.size_bytes)),
                "good",
            )

        self._start(tr("Writing…"))
        self._tasks.run(
            lambda context: write_backup(self._paths, target, replace=True),
            done=done,
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def restore_from(self, backup: Path) -> None:
        """Say what a backup adds and replaces, and restore it on yes."""
        self._start(tr("Reading…"))
        self._tasks.run(
            lambda context: look_at_backup(self._paths, backup),
            done=lambda found: self._ask(backup, found),
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    # -- inside ----------------------------------------------------------------------------------

    def _choose_target(self) -> None:
        dialog = self._dialog("backupDialog", tr("Back up everything"), "heft-backup.zip", self.back_up_to)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.open()

    def _choose_backup(self) -> None:
        self._dialog("restoreDialog", tr("Restore a backup"), "", self.restore_from).open()

    def _dialog(self, name: str, title: str, file: str, call: Callable[[Path], None]) -> QFileDialog:
        dialog = QFileDialog(self._over, title, file, _KINDS)
        dialog.setObjectName(name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda chosen: call(Path(chosen)))
        return dialog

    def _ask(self, backup: Path, found: Restored) -> None:
        self._tell(tr("{name} is whole.", name=backup.name), "muted")
        cancel = QMessageBox.StandardButton.Cancel
        words = tr("{found}. Restore it?", found=made_on(found))
        box = QMessageBox(QMessageBox.Icon.Question, tr("Restore a backup"), words, cancel, self._over)
        box.setObjectName("restoreQuestion")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText("\n".join(restored_lines(found)))
        box.setDefaultButton(cancel)
        confirm = box.addButton(tr("Restore"), QMessageBox.ButtonRole.AcceptRole)
        confirm.setObjectName("restoreConfirm")
        confirm.clicked.connect(calling(self._do, backup))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _do(self, backup: Path) -> None:
        self._start(tr("Restoring…"))
        self._tasks.run(
            lambda context: restore_backup(self._paths, backup),
            done=lambda _: self._done(backup),
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )

    def _done(self, backup: Path) -> None:
        self._tell(tr("{name} was restored.", name=backup.name), "good")
        self.restored.emit()

    def _start(self, words: str) -> None:
        for button in (self._back_up, self._restore):
            button.setEnabled(False)
        self._show(words, "muted")

    def _failed(self, error: HeftError) -> None:
        self._tell(f"{error.message} {error.hint}", "bad")

    def _tell(self, words: str, role: str) -> None:
        for button in (self._back_up, self._restore):
            button.setEnabled(True)
        self._show(words, role)

    def _show(self, words: str, role: str) -> None:
        self._told.setText(words)
        self._told.show()
        set_role(self._told, role)
