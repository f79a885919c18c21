"""The tab Benchmark: a matrix of speed tests, as picture and table, beside other people's; and the fastest settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
)

from desktop.core import bench_rows
from desktop.core.bench_rows import BenchRow
from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, UsageError
from desktop.core.token_counts import read_tokens
from desktop.core.units import human_time
from desktop.core.words import tr
from desktop.ui.lab import further_actions as actions
from desktop.ui.lab.asked_job import AskedJob
from desktop.ui.lab.measured_rows import bar, text_row, when_words, whose
from desktop.ui.lab.speed_chart import Bar, SpeedChart
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside, Column
from desktop.ui.shared.tables import set_up_table
from desktop.ui.shared.text_table_model import TextRow, TextTableModel
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

if TYPE_CHECKING:
    from desktop.core.cancelled import Cancelled
    from desktop.core.progress import Report
    from desktop.services.lab.benching import Bench, BenchingService, BenchProspect, Test
    from desktop.services.lab.tuning import Tuned, TuningService

_FIELDS = (
    ("labBenchPrompts", tr("Prompt tokens"), "512"),
    ("labBenchGenerates", tr("Tokens to write"), "64"),
    ("labBenchDepths", tr("Tokens before"), "0"),
    ("labBenchBatches", tr("Batch"), "2048"),
    ("labBenchThreads", tr("Threads"), ""),
    ("labBenchCaches", tr("KV cache"), "f16"),
    ("labBenchDevices", tr("Devices"), ""),
)
_COLUMNS = (tr("Test"), tr("Tokens per second"), tr("Lowest"), tr("Highest"), tr("Predicted"), tr("Off"), tr("Of"))
_TUNED = (tr("Settings"), tr("Reading"), tr("Writing"), tr("Predicted"), "")
_FORMS = tr("llama-bench's JSON (*.json);;llama-bench's CSV (*.csv);;Table to paste (*.md);;Picture (*.svg)")
_DEVICES = tr("The engine's names of them, or none for the processor alone; several choices with ; between")
_REPEAT = 3
_ROW, _TABLE_HEIGHT = 26, 170


class BenchmarkTab(Column):
    """Works out each choice in the background; the newest counts."""

    notify = Signal(object)

    def __init__(
        self,
        benching: Callable[[], BenchingService],
        tuning: Callable[[], TuningService],
        commands: ActionRegistry,
        tasks: Tasks,
        theme: Theme,
    ) -> None:
        super().__init__()
        self.setObjectName("labBenchmarkTab")
        self._benching, self._tuning, self._commands, self._tasks = benching, tuning, commands, tasks
        self._model, self._title = "", ""
        self._prospect: BenchProspect | None = None
        self._working: Task | None = None
        self._found: Bench | None = None
        self._beside: list[tuple[str, Sequence[BenchRow]]] = []
        self._job = AskedJob(tasks, "labTiming", tr("The speeds that are measured"))
        self._job.failed.connect(self.notify)
        self._job.changed.connect(self._allow)
        self._chart = SpeedChart(theme)
        for action, does in (
            (actions.BENCH, self._bench),
            (actions.TUNE, self._tune),
            (actions.EXPORT_BENCH, self._export),
            (actions.COPY_BENCH, self._copy),
            (actions.OPEN_BENCH, self._open),
        ):
            commands.connect_to(action, does)
        self._build()
        self._show()

    def show_model(self, path: str, title: str) -> None:
        """Another model, "" for none."""
        if path != self._model:
            self._model, self._title, self._found = path, title, None
            self._tuned.hide()
            self._tuned_words.hide()
            self._work_out()
            self.look_again()

    def look_again(self) -> None:
        """What was timed of the model before: by a command, or by a job that went on at this start."""
        model = self._model

        def done(found: Bench | None) -> None:
            if found is not None and self._model == model and not self._job.runs:
                self._found = found
                self._show()

        if model:
            self._tasks.run(
                lambda _context: self._benching().last(model),
                done=done,
                failed=lambda _error: None,  # a model that is gone is told of elsewhere
                lane=Lane.JOB,
                owner=self,
            )

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        card = QFrame()
        card.setObjectName("labBenchCard")
        set_role(card, "card")
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        self._fields = {}
        for name, title, usual in _FIELDS:
            heading = plain_label(f"{name}Title", "muted", title, wraps=False)
            field = self._fields[name] = QLineEdit(usual)
            field.setObjectName(name)
            field.setAccessibleName(title)
            field.setPlaceholderText("" if usual else tr("as Heft would"))
            field.editingFinished.connect(self._work_out)
            form.addRow(heading, field)
            field.setToolTip(tr("Several with commas between") if name != "labBenchDevices" else _DEVICES)
        self._expected = plain_label("labBenchExpected", "muted")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._commands.button(actions.BENCH, "labBench", role="primary"))
        buttons.addWidget(self._commands.button(actions.TUNE, "labTune"))
        buttons.addStretch(1)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 12, 14, 12)
        inside.setSpacing(10)
        inside.addLayout(form)
        inside.addWidget(self._expected)
        inside.addLayout(buttons)
        inside.addWidget(self._job)
        self._tuned_words = plain_label("labTunedWords")
        self._tuned_rows = TextTableModel(figures=(1, 2, 3), parent=self)
        self._tuned_rows.set_rows(_TUNED, ())
        self._tuned = self._table_of(self._tuned_rows, "labTuned", tr("What was tried for the fastest settings"))
        self._when = plain_label("labSpeedsWhen", "muted")
        self._rows = TextTableModel(figures=(1, 2, 3, 4, 5), parent=self)
        self._rows.set_rows(_COLUMNS, ())
        self._table = self._table_of(self._rows, "labSpeeds", tr("Speeds that were measured"))
        kept = QHBoxLayout()
        kept.setSpacing(8)
        for action, name in (
            (actions.EXPORT_BENCH, "labExportBench"),
            (actions.COPY_BENCH, "labCopyBench"),
            (actions.OPEN_BENCH, "labOpenBench"),
        ):
            kept.addWidget(self._commands.button(action, name))
        kept.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addWidget(Beside(card, self._chart, spacing=12))
        column.addWidget(self._tuned_words)
        column.addWidget(self._tuned)
        column.addWidget(self._when)
        column.addWidget(self._table)
        column.addLayout(kept)
        column.addStretch(1)
        self._tuned.hide()
        self._tuned_words.hide()

    @staticmethod
    def _table_of(model: TextTableModel, name: str, title: str) -> QTableView:
        table = QTableView()
        table.setModel(model)
        set_up_table(table, name, title, row_height=_ROW, several=True)
        table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as it is given
        table.setSortingEnabled(True)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.setMinimumHeight(_TABLE_HEIGHT)
        return table

    # -- before ----------------------------------------------------------------------------------

    def _tests(self) -> tuple[Test, ...]:
        """What is asked for. Raises UsageError for what is no number of tokens."""
        from desktop.services.lab.benching import matrix

        def numbers(name: str) -> tuple[int, ...]:
            words = [word.strip() for word in self._fields[name].text().split(",") if word.strip()]
            return tuple(0 if word == "0" else read_tokens(word) for word in words)

        caches = [word.strip() for word in self._fields["labBenchCaches"].text().split(",") if word.strip()]
        return matrix(
            prompts=numbers("labBenchPrompts"), generates=numbers("labBenchGenerates"),
            depths=numbers("labBenchDepths"), batches=numbers("labBenchBatches"),
            threads=numbers("labBenchThreads") or (0,), kv_types=caches,
            devices=[word.strip() for word in self._fields["labBenchDevices"].text().split(";")],
        )  # fmt: skip

    def _work_out(self) -> None:
        self._prospect = None
        if self._working is not None:
            self._working.cancel()
            self._working = None
        words = ""
        if self._model:
            try:
                model, tests = self._model, self._tests()
                words = "…"
                self._working = self._tasks.run(
                    lambda context: self._benching().prospect(
                        model, tests, _REPEAT, cancelled=lambda: context.cancelled
                    ),
                    done=self._worked_out,
                    failed=self._not_worked_out,
                    lane=Lane.JOB,
                    owner=self,
                )
            except UsageError as error:
                words = f"{error.message} {error.hint}"
        self._expected.setText(words)
        self._show()

    def _worked_out(self, found: BenchProspect) -> None:
        self._working, self._prospect = None, found
        time = (
            tr("about {seconds}", seconds=human_time(found.seconds))
            if found.seconds
            else tr("its time is not known here")
        )
        self._expected.setText(
            tr(
                "{tests} tests, {repeat} rounds in turns: {time}. The computer should have nothing else to do.",
                tests=len(found.order.tests),
                repeat=_REPEAT,
                time=time,
            )
        )
        self._allow()

    def _not_worked_out(self, error: HeftError) -> None:
        self._working = None
        if not isinstance(error, CancelledError):
            self._expected.setText(f"{error.message} {error.hint}".strip())
        self._allow()

    def _allow(self) -> None:
        self._commands.allow(actions.BENCHABLE, self._prospect is not None)
        self._commands.allow(actions.NOT_TIMING, not self._job.runs)
        self._commands.allow(actions.TIMED, self._found is not None)

    # -- measuring -------------------------------------------------------------------------------

    def _bench(self) -> None:
        prospect, model = self._prospect, self._model
        if prospect is None:
            return

        def work(progress: Report, cancelled: Cancelled) -> Bench:
            return self._benching().measure(prospect, progress=progress, cancelled=cancelled)

        def done(found: Bench) -> None:
            if self._model == model:
                self._found = found
                self._show()

        self._job.start(tr("Timing {title}", title=prospect.source.title), work, done)

    def _tune(self) -> None:
        model = self._model

        def work(progress: Report, cancelled: Cancelled) -> Tuned:
            service = self._tuning()
            return service.tune(service.prospect(model, cancelled=cancelled), progress=progress, cancelled=cancelled)

        def done(found: Tuned) -> None:
            if self._model == model:
                self._show_tuned(found)

        self._job.start(tr("Trying settings"), work, done)

    def _show_tuned(self, found: Tuned) -> None:
        kept = ", ".join(f"{key} {value}" for key, value in found.remembered.items())
        words = (
            tr("Remembered for {model}: {kept}.", model=found.model, kept=kept)
            if kept
            else tr("Heft's own choice is the fastest here.")
        )
        self._tuned_words.setText(
            tr("{words} {generate:.3g} tokens per second while writing.", words=words, generate=found.generate)
        )
        rows = []
        for one in found.tried:
            changed = ", ".join(f"{key} {value}" for key, value in one.changed.items())
            changed = changed or (tr("what won so far") if one.again else tr("as Heft would"))
            speeds = (one.prompt, one.generate, one.predicted)
            texts = tuple(f"{value:.1f}" if value else "–" for value in speeds)
            rows.append(TextRow((changed, *texts, "won" if one.won else ""), (changed, *speeds, not one.won)))
        self._tuned_rows.set_rows(_TUNED, rows)
        self._tuned.show()
        self._tuned_words.show()

    # -- what was measured -----------------------------------------------------------------------

    def _show(self) -> None:
        rows: list[TextRow] = []
        reading: list[Bar] = []
        writing: list[Bar] = []
        for cell in self._found.cells if self._found is not None else ():
            rows.append(text_row(cell.row, cell.predicted, self._title))
            (reading if cell.row.n_prompt else writing).append(bar(cell.row, cell.predicted, ""))
        for name, theirs in self._beside:
            for one in theirs:
                rows.append(text_row(one, 0.0, whose(name, one)))
                (reading if one.n_prompt else writing).append(bar(one, 0.0, name))
        self._rows.set_rows(_COLUMNS, rows)
        self._table.setVisible(bool(rows))
        self._when.setText(when_words(self._own()))
        self._when.setVisible(bool(self._own()))
        self._chart.set_bars((reading, writing))
        self._allow()

    def _own(self) -> list[BenchRow]:
        return [cell.row for cell in self._found.cells] if self._found is not None else []

    def _export(self) -> None:
        from desktop.services.lab.bench_files import WRITTEN, write_results

        offered = f"{self._title}-speed.json"
        name, form = QFileDialog.getSaveFileName(self, tr("Save the speeds"), offered, _FORMS)
        if not name:
            return
        ending = next((one for one in WRITTEN if f"*{one}" in form), WRITTEN[0])
        path = Path(name if name.endswith(WRITTEN) else f"{name}{ending}")
        own = self._own()
        try:
            write_results(
                path, own, [(self._title, own), *self._beside], tr("{title}, measured by Heft", title=self._title)
            )
        except HeftError as error:
            self.notify.emit(error)
        else:
            self.notify.emit(tr("{name} was saved.", name=path.name))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(bench_rows.to_text(self._own()))
        self.notify.emit(tr("The speeds are in the clipboard."))

    def _open(self) -> None:
        from desktop.services.lab.bench_files import read_results

        name, _ = QFileDialog.getOpenFileName(
            self, tr("Results of llama-bench"), "", tr("Results (*.json *.jsonl *.csv)")
        )
        if not name:
            return
        try:
            self._beside.append((Path(name).name, read_results(Path(name))))
        except HeftError as error:
            self.notify.emit(error)
        self._show()
