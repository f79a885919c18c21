"""The tab Problems: what is noteworthy about the model, and a check of everything on request."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.findings import Finding
from desktop.core.progress import Progress
from desktop.core.words import tr
from desktop.services.inspect.finding_words import findings_counted
from desktop.services.inspect.inspection import Inspected, InspectionService
from desktop.services.inspect.templates import templates_of
from desktop.ui.inspect.actions import CHECK, GO_TO_FINDING
from desktop.ui.inspect.findings_model import ACTION, MESSAGE, REASON, SEVERITY, FindingsModel
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shell.keys import add_keys
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks
from desktop.ui.shell.theme import Theme, set_role

SLOW = tr("Every weight was read too: no NaN, no infinities.")
_SIDES, _ABOVE_AND_BELOW = 24, 16  # pixels of a cell beside its text
_NO_END = 1 << 20
_LOCAL_ADVICE = tr('Choose "Check everything" to read every weight as well; this takes as long as reading the file.')
_REMOTE_ADVICE_BARE = tr("The weights are still on the Hub; only the header can be checked.")
_REMOTE_ADVICE = tr("The weights are still on the Hub; only the header and the chat template can be checked.")


class ProblemsTab(InspectTab):
    """A table of findings, or the good news and what it rests on."""

    def __init__(self, theme: Theme, tasks: Tasks, service: InspectionService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectProblems")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # for what has no other place
        self._tasks, self._service = tasks, service
        self._inspected: Inspected | None = None
        self._checking: Task | None = None
        self._checked = False
        self._found: tuple[Finding, ...] = ()  # by the check of everything
        self._rows = FindingsModel(theme, self)
        self._fit = QTimer(self)  # once for all columns, when the layout has settled
        self._fit.setSingleShot(True)
        self._fit.setInterval(0)
        self._fit.timeout.connect(self._fit_rows)
        self._build()
        self._check.clicked.connect(self.check_everything)
        self._stop.clicked.connect(self._cancel)
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._rows.text()))
        self._show.clicked.connect(self._go)
        self._table.doubleClicked.connect(self._go)
        self._table.selectionModel().currentChanged.connect(self._refresh_actions)
        add_keys(self._table, GO_TO_FINDING, lambda _: self._go())

    def show_model(self, inspected: Inspected) -> None:
        """Show what was found when this model was opened."""
        self.clear()
        self._inspected = inspected
        self._fill(inspected.findings)

    def retell(self, inspected: Inspected) -> None:
        """Show what was found since."""
        self._inspected = inspected
        self._fill((*inspected.findings, *self._found))

    def clear(self) -> None:
        """Show no model."""
        self._cancel()
        self._inspected, self._checked, self._found = None, False, ()
        self._fill(())

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._count = QLabel()
        self._count.setObjectName("inspectProblemsCount")
        set_role(self._count, "subtitle")
        self._check = explained_button(CHECK.short, "inspectProblemsCheck", CHECK.tip)
        about = tr("Go to the tensor, key or template it is about")
        self._show = explained_button(tr("Show where"), "inspectProblemsShow", about)
        self._copy = explained_button(tr("Copy"), "inspectProblemsCopy", tr("Copy all findings as text"))
        self._stop = explained_button(tr("Cancel"), "inspectProblemsCancel", tr("Stop checking"))
        self._progress = QProgressBar()
        self._progress.setObjectName("inspectProblemsProgress")
        self._progress.setAccessibleName(tr("How far the check is"))
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(False)
        self._note = plain_label("inspectProblemsNote", "muted")
        head, running = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self._count)
        head.addStretch(1)
        for button in (self._show, self._copy, self._check):
            head.addWidget(button)
        running.addWidget(self._note, 1)
        running.addWidget(self._progress, 1)
        running.addWidget(self._stop)
        self._build_table()
        self._good, self._what = plain_label("inspectProblemsNone", "good"), plain_label("inspectProblemsWhat", "muted")
        empty = QWidget()
        column = QVBoxLayout(empty)
        column.addStretch(1)
        for label in (self._good, self._what):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addStretch(2)
        self._body = QStackedWidget()
        self._body.addWidget(self._table)
        self._body.addWidget(empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 10, 0, 0)
        outer.setSpacing(10)
        outer.addLayout(head)
        outer.addLayout(running)
        outer.addWidget(self._body, 1)

    def _build_table(self) -> None:
        self._table = QTableView()
        set_up_table(self._table, "inspectProblemsTable", tr("Problems"))
        self._table.setModel(self._rows)
        self._table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(SEVERITY, QHeaderView.ResizeMode.Fixed)
        self._table.setColumnWidth(SEVERITY, 110)
        for column in (MESSAGE, REASON, ACTION):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.sectionResized.connect(lambda *_: self._fit.start())

    def showEvent(self, event: QShowEvent) -> None:
        """Only now the width and the font are those of the window."""
        super().showEvent(event)
        self._fit.start()

    # -- what is shown ---------------------------------------------------------------------------

    def _fill(self, findings: tuple[Finding, ...]) -> None:
        looked_at = self._rows.at(self._table.currentIndex().row())
        self._rows.set_findings(findings)
        self._fit_rows()
        self._body.setCurrentIndex(0 if self._rows.rowCount() else 1)
        if self._rows.rowCount():
            rows = range(self._rows.rowCount())
            kept = next((row for row in rows if self._rows.at(row) == looked_at), 0)
            self._table.setCurrentIndex(self._rows.index(kept, MESSAGE))
        self._count.setText(findings_counted(findings))
        self._refresh()

    def _fit_rows(self) -> None:
        """As high as the longest text; Qt's own measure leaves out what the style sheet's padding takes."""
        self._table.ensurePolished()  # the style sheet sets the font
        metrics = self._table.fontMetrics()
        for row in range(self._rows.rowCount()):
            height = 0
            for column in (MESSAGE, REASON, ACTION):
                room = QRect(0, 0, max(1, self._table.columnWidth(column) - _SIDES), _NO_END)
                text = str(self._rows.index(row, column).data())
                height = max(height, metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, text).height())
            self._table.setRowHeight(row, height + _ABOVE_AND_BELOW)

    def _refresh(self) -> None:
        known, running = self._inspected is not None, self._checking is not None
        focused = self._check.hasFocus() or self._stop.hasFocus()
        remote = self._inspected is not None and self._inspected.is_remote
        self._good.setText(tr("✓ No problems found") if known else "")
        self._what.setText(f"{self._quick()} {SLOW if self._checked and not remote else ''}".strip() if known else "")
        if not running:
            remote_advice = _REMOTE_ADVICE if self._has_template else _REMOTE_ADVICE_BARE
            advice = remote_advice if remote else tr("Every weight was read.") if self._checked else _LOCAL_ADVICE
            self._note.setText(advice if known else "")
        self._progress.setVisible(running)
        self._stop.setVisible(running)
        self._check.setEnabled(known and not running and not self._checked)
        if focused:  # it stays in the tab when a button goes
            left = next((widget for widget in (self._stop, self._check, self._table) if _takes_focus(widget)), self)
            left.setFocus(Qt.FocusReason.OtherFocusReason)
        self._refresh_actions()

    @property
    def _has_template(self) -> bool:
        return self._inspected is not None and any(templates_of(file) for file in self._inspected.files[:1])

    def _quick(self) -> str:
        """What was looked at when the file was opened: only what it has."""
        inspected = self._inspected
        if inspected is None or not inspected.files:
            return ""
        keys = inspected.header.metadata
        parts = [
            tr("the header's structure"),
            tr("the place and type of every tensor"),
            tr("the keys the architecture needs"),
        ]
        parts += [tr("the tokenizer")] if any(key.startswith("tokenizer.ggml.") for key in keys) else []
        parts += [tr("the chat template")] if self._has_template else []
        missing = "" if self._has_template else tr(" It brings no chat template.")
        return tr(
            "Checked: {parts}, and {parts2}.{missing}", parts=", ".join(parts[:-1]), parts2=parts[-1], missing=missing
        )

    def _refresh_actions(self) -> None:
        finding = self._rows.at(self._table.currentIndex().row())
        self._show.setEnabled(finding is not None and finding.about != "file")
        self._copy.setEnabled(self._rows.rowCount() > 0)

    def _go(self) -> None:
        finding = self._rows.at(self._table.currentIndex().row())
        if finding is not None and finding.about != "file":
            self.place_asked.emit(finding.about)

    # -- checking everything ---------------------------------------------------------------------

    def check_everything(self) -> None:
        """Read every weight too, unless that was done or is going on."""
        inspected = self._inspected
        if inspected is None or self._checking is not None or self._checked:
            return

        def work(context: TaskContext) -> tuple[Finding, ...]:
            return self._service.check(
                inspected,
                progress=context.progress,
                cancelled=lambda: context.cancelled,
            )

        def done(found: tuple[Finding, ...]) -> None:
            self._checking, self._checked, self._found = None, True, found
            self._fill((*(self._inspected or inspected).findings, *found))

        self._progress.setValue(0)
        self._note.setText(tr("Checking…"))
        self._checking = self._tasks.run(
            work, done=done, failed=self._failed, progress=self._advance, lane=Lane.COMMAND, owner=self
        )
        self._refresh()

    def _advance(self, step: Progress) -> None:
        self._progress.setValue(round(step.fraction * 1000))
        self._note.setText(step.note or tr("Checking…"))

    def _failed(self, error: HeftError) -> None:
        self._checking = None
        self._refresh()
        if not isinstance(error, CancelledError):  # in the list of jobs: who did that knows
            self.notify.emit(error)

    def _cancel(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
            self._refresh()


def _takes_focus(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled()
