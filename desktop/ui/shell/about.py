"""The dialog About: version, engine, what Heft is made of, and a report for an issue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from desktop import __version__
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.words import tr
from desktop.engine.api import Hello
from desktop.services.about import Component, bug_report, engine_sentence, licence_folder, third_party
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import resize_dialog
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.tasks import Lane, Tasks

_SIZE = QSize(680, 520)
_VERSION = 1  # its column
_SENTENCE = tr("Free software under the Apache License 2.0. It sends nothing anywhere unless you ask it to.")
_QT = tr(
    "Qt and PySide are used unchanged under the LGPL 3. Their libraries lie beside the "
    "program as files of their own and may be replaced by other builds of the same "
    "version."
)


class AboutDialog(QDialog):
    """Filled in the background; ``engine`` and ``machine`` may take seconds and raise HeftError."""

    def __init__(
        self,
        tasks: Tasks,
        engine: Callable[[], Hello],
        machine: Callable[[], Machine],
        logs: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(tr("About Heft"))
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        resize_dialog(self, _SIZE)
        self._tasks = tasks
        self._machine = machine
        self._logs = logs
        self._engine = plain_label("aboutEngine", "muted", tr("Asking the engine…"))
        self._parts = TextTableModel(parent=self)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 16)
        column.setSpacing(10)
        column.addWidget(plain_label("aboutVersion", "title", tr("Heft {version}", version=__version__)))
        column.addWidget(self._engine)
        column.addWidget(plain_label("aboutSentence", text=_SENTENCE))
        column.addSpacing(6)
        column.addWidget(plain_label("aboutHeading", "subtitle", tr("Made with")))
        self._table = self._make_table()
        column.addWidget(self._table, 1)
        column.addWidget(plain_label("aboutQt", "muted", _QT))
        column.addLayout(self._buttons())
        tasks.run(
            lambda context: engine_sentence(engine()),
            done=self._engine.setText,
            failed=self._no_engine,
            lane=Lane.JOB,
            owner=self,
        )
        tasks.run(
            lambda context: third_party(), done=self._show_parts, failed=self._no_report, lane=Lane.JOB, owner=self
        )

    def copy_report(self) -> None:
        """Put a report for an issue into the clipboard."""
        self._copy.setEnabled(False)
        self._tasks.run(
            lambda context: bug_report(self._logs, self._ask_machine(), qVersion()),
            done=self._put_report,
            failed=self._no_report,
            lane=Lane.JOB,
            owner=self,
        )

    def _ask_machine(self) -> Machine | None:
        try:
            return self._machine()
        except HeftError:
            return None  # a report about an engine that does not start must still be possible

    def _put_report(self, text: str) -> None:
        self._copy.setEnabled(True)
        QGuiApplication.clipboard().setText(text)
        self._told.setText(tr("The report is in the clipboard. Read it before you send it."))

    def _no_report(self, error: HeftError) -> None:
        self._copy.setEnabled(True)
        self._told.setText(error.message)

    def _no_engine(self, error: HeftError) -> None:
        self._engine.setText(error.message)

    def _show_parts(self, parts: tuple[Component, ...]) -> None:
        rows = [
            TextRow(texts, texts, tuple("\n".join(filter(None, (text, part.note))) for text in texts))
            for part in parts
            for texts in ((part.name, part.version, part.licence),)
        ]
        self._parts.set_rows((tr("Part"), tr("Version"), tr("Licence")), rows)
        self._table.horizontalHeader().setSectionResizeMode(_VERSION, QHeaderView.ResizeMode.ResizeToContents)

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setObjectName("aboutParts")
        table.setAccessibleName(tr("Third-party parts and their licences"))
        table.setModel(self._parts)
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        return table

    def _buttons(self) -> QHBoxLayout:
        self._told = plain_label("aboutTold", "muted")
        self._copy = push_button(tr("Copy report"), "aboutCopyReport", tr("Versions, machine and the newest log lines"))
        self._copy.clicked.connect(self.copy_report)
        texts = push_button(tr("Licence texts"), "aboutLicences", tr("Open the folder with the text of every licence"))
        folder = licence_folder()
        texts.setVisible(folder is not None)
        texts.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        close = push_button(tr("Close"), "aboutClose", tr("Close this window"))
        close.clicked.connect(self.accept)
        close.setDefault(True)
        row = QHBoxLayout()
        row.addWidget(self._told, 1)
        for button in (texts, self._copy, close):
            row.addWidget(button)
        return row
