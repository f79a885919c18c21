"""The status bar: what the engine holds and does, in words and figures, always in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QElapsedTimer, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.services.endpoints.failure_words import short_failure
from desktop.services.engine.memory import EngineMemory
from desktop.services.engine.supervisor import EngineState
from desktop.services.job_kinds import Job
from desktop.services.job_words import jobs_words
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

_MARGIN, _GAP = 14, 6  # pixels left and right, and between
_LEAST_NAME = 110  # pixels of the model's name, before anything else is given up for it
_JOBS_TIP = tr("Show all long work (Ctrl+J)")
_SERVING_TIP = tr("Other programs can use your models: show which do")
FAILED_MS = 30_000  # a load that failed is told in red for so long: then it is the past, and no model is loaded
SAMPLE_MS = 1000  # memory is read at most once a second, and only while the engine tells something


_PHASES = {
    "stopped": tr("no model loaded"),
    "starting": tr("starting"),
    "loading": tr("loading"),
    "ready": tr("ready"),
    "generating": tr("answering"),
    "asleep": tr("asleep, wakes with your next question"),
    "died": tr("stopped working"),
}
_ELSEWHERE = {
    "loading": tr("connecting to {server}"),
    "ready": tr("ready on {server}"),
    "generating": tr("answering on {server}"),
}
_HOLDS_NOTHING = ("stopped", "asleep", "died")


class Gauge(QWidget):
    """``RAM 0.2 / 16.0 GB`` and a bar; the tooltip says what is counted."""

    def __init__(self, name: str, meaning: str) -> None:
        super().__init__()
        self.setObjectName(f"gauge{name}")
        self.setToolTip(meaning)
        self._name = name
        self._used, self._total = QLabel(), QLabel()
        self._used.setProperty("role", "figure")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(120)
        self._bar.setRange(0, 1000)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (QLabel(name), self._used, self._total, self._bar):
            row.addWidget(widget)
        self.hide()

    @property
    def words(self) -> str:
        """The figures; "" while it is hidden."""
        return "" if self.isHidden() else f"{self._used.text()} {self._total.text()}"

    def show_bar(self, shown: bool) -> None:
        """With its bar, or the figures alone."""
        self._bar.setVisible(shown)

    def show_bytes(self, used: int, total: int) -> None:
        """Show used of total bytes in GB (10^9); hidden when there is nothing to compare with."""
        self.setVisible(total > 0)
        if total <= 0:
            return
        self._used.setText(f"{used / 1e9:.1f}" if used >= 1e8 else f"{used / 1e9:.2f}")
        self._total.setText(tr("/ {total:.1f} GB", total=total / 1e9))
        self._bar.setValue(round(1000 * used / total))
        self._bar.setAccessibleName(
            tr("{name} {used:.2f} of {total:.1f} GB", name=self._name, used=used / 1e9, total=total / 1e9)
        )


class StatusBar(QFrame):
    """Shows every :class:`EngineState`; reads the memory off the GUI thread."""

    jobs_asked = Signal()  # all long work is to be shown
    serve_asked = Signal()  # what is served to other programs is to be shown

    def __init__(self, tasks: Tasks, memory: Callable[[int], EngineMemory], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setAccessibleName(tr("Engine status"))
        self._tasks = tasks
        self._memory = memory
        self._sampled = QElapsedTimer()
        self._sampling = False
        self._answer_rate = 0.0
        self._state = EngineState()
        self._past: object = None  # a failure that was told for long enough
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.timeout.connect(self._failure_told)
        self._engine = QLabel(tr("Engine"))
        self._model = ElidedLabel()
        self._model.setObjectName("statusModel")
        self._model.setProperty("role", "figure")
        self._phase = QLabel()
        self._phase.setObjectName("statusPhase")
        self._loading = QProgressBar()
        self._loading.setObjectName("statusLoading")
        self._loading.setAccessibleName(tr("Loading the model"))
        self._loading.setTextVisible(False)
        self._loading.setFixedWidth(120)
        self._loading.hide()
        self._ram = Gauge(
            "RAM",
            tr("Memory the engine's process holds, with what it has read of the model's file, of this computer's RAM"),
        )
        self._vram = Gauge("VRAM", tr("Graphics memory in use, by the engine and other programs"))
        self._rate = QLabel()
        self._rate.setObjectName("statusRate")
        self._rate_unit = QLabel()
        self._unit = ""
        self._job_words = self._serving_words = ""
        self._fitted: tuple[object, ...] = ()  # what was fitted into which width
        self._serving = push_button("", "statusServing", _SERVING_TIP)
        self._serving.clicked.connect(self.serve_asked)
        self._jobs = push_button("", "statusJobs", _JOBS_TIP)
        self._jobs.clicked.connect(self.jobs_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
        row.setSpacing(_GAP)
        row.addWidget(self._engine)
        row.addWidget(self._model)
        row.addWidget(self._phase)
        row.addWidget(self._loading)
        row.addSpacing(12)
        row.addWidget(self._ram)
        row.addSpacing(12)
        row.addWidget(self._vram)
        row.addStretch(1)
        row.addWidget(self._rate)
        row.addWidget(self._rate_unit)
        row.addSpacing(12)
        row.addWidget(self._serving)
        row.addWidget(self._jobs)
        self.setFixedHeight(30)
        self.setMinimumWidth(1)  # what is said follows the width, never the other way round
        set_role(self._serving, "status")
        self.show_serving("")
        self.show_jobs(())
        self.show_state(EngineState())

    def show_state(self, state: EngineState) -> None:
        """Show the engine's state; a merged sequence is enough."""
        previous, self._state = self._state, state
        told = state.failure is not None and state.failure is self._past
        failure = state.failure if not told or state.loaded is not None else None  # loaded: "ready" would be a claim
        if failure is None or told:
            self._telling.stop()
        elif failure is not previous.failure:
            self._telling.start(FAILED_MS)
        named = state.phase in ("loading", "ready", "generating", "asleep", "died")
        self._model.set_whole_text(state.model_name if named else "")
        self._model.setVisible(bool(self._model.whole_text))
        words = _PHASES[state.phase]
        if state.endpoint:
            words = _ELSEWHERE.get(state.phase, words).format(server=state.endpoint)
        elif state.phase == "loading":
            words = (
                tr("waiting for other programs' answers")
                if state.lent
                else tr("loading {progress:.0%}", progress=state.progress)
            )
        elif failure is not None and state.phase == "stopped":
            words = tr("could not load the model")
        if state.endpoint and failure is not None:
            said = short_failure(failure.kind)
            words = f"{state.endpoint} {said}" if said else tr("no connection to {endpoint}", endpoint=state.endpoint)
        self._phase.setText(words)
        trouble = state.phase == "died" or (failure is not None and not told)
        set_role(self._phase, "bad" if trouble else "muted")
        self._phase.setToolTip(plain_tooltip(self._explanation(state)))
        self._loading.setVisible(state.phase == "loading")
        self._loading.setValue(round(100 * state.progress))
        if state.phase == "generating" != previous.phase or state.model_path != previous.model_path:
            self._answer_rate = 0.0
        self._show_rate(state)
        changed = (state.phase, state.pid) != (previous.phase, previous.pid)
        if state.pid is None or state.phase in _HOLDS_NOTHING:
            self._ram.hide()
            self._vram.hide()
            self._fit()
        elif changed or not self._sampled.isValid() or self._sampled.elapsed() >= SAMPLE_MS:
            self._sample(state.pid)

    def _failure_told(self) -> None:
        """Why is said by the tooltip still."""
        self._past = self._state.failure
        self.show_state(self._state)

    def _explanation(self, state: EngineState) -> str:
        if state.phase == "asleep":
            return tr("Nobody used the model, so its memory was freed.")
        if state.died is not None:
            return f"{state.died.message}\n{state.died.hint}"
        if state.failure is not None:
            return f"{state.failure.message}\n{state.failure.hint}"
        if state.loaded is None:
            return ""
        loaded = state.loaded
        if loaded.endpoint:
            length = (
                tr("\ncontext {context_length:,} tokens", context_length=loaded.context_length)
                if loaded.context_length
                else ""
            )
            return f"{loaded.description}{length}"
        layers = (
            tr("all on CPU")
            if loaded.gpu_layers <= 0
            else tr("{gpu_layers} of {layers} layers on GPU", gpu_layers=loaded.gpu_layers, layers=loaded.layers)
        )
        return tr(
            "{description}\ncontext {context_length:,} tokens, {threads} threads, {layers}\nloaded in {seconds:.1f} s",
            description=loaded.description,
            context_length=loaded.context_length,
            threads=loaded.threads,
            layers=layers,
            seconds=loaded.seconds,
        )

    def show_answer(self, tokens_per_second: float) -> None:
        """Show the speed of a whole answer, until the next one begins or the model changes."""
        self._answer_rate = tokens_per_second
        self._show_rate(self._state)

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show how much long work there is, and how fast downloads come."""
        words = jobs_words(jobs) or tr("Jobs")
        self._job_words = words
        self._jobs.setAccessibleName(tr("{words}: show all long work", words=words))
        self._fit()
        failed = any(job.phase == "failed" for job in jobs) and not any(job.active for job in jobs)
        set_role(self._jobs, "statusBad" if failed else "status")

    def show_serving(self, words: str) -> None:
        """Show that other programs are served, ``Serving · 2 clients``; "" while they are not."""
        self._serving_words = words
        self._serving.setAccessibleName(tr("{words}: show what is served", words=words))
        self._serving.setVisible(bool(words))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window says less, but each figure whole."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give up bars, then words that explain, then the speed of what is past, until the figures have room."""
        layout, model = self.layout(), self._model
        said = [self._phase.text(), self._rate.text(), self._unit, self._job_words, self._loading.isHidden()]
        said.append(self._serving_words)
        key = (self.width(), model.whole_text, *said, self._ram.words, self._vram.words)
        if layout is None or key == self._fitted:
            return
        self._fitted = key
        held = min(_LEAST_NAME, model.sizeHint().width()) - model.minimumSizeHint().width() if model.whole_text else 0
        for given_up in range(5):
            for gauge in (self._ram, self._vram):
                gauge.show_bar(given_up < 1)
            self._rate_unit.setText(self._unit if given_up < 2 else self._unit.split(" ")[0])
            self._engine.setVisible(given_up < 3)
            for button, words in ((self._jobs, self._job_words), (self._serving, self._serving_words)):
                button.setText(words if given_up < 4 else words.split(" · ")[0])
            layout.invalidate()
            if layout.minimumSize().width() + held <= self.width():
                break
        for button, words, tip in (
            (self._jobs, self._job_words, _JOBS_TIP),
            (self._serving, self._serving_words, _SERVING_TIP),
        ):
            button.setToolTip("\n".join(filter(None, (words if given_up >= 4 else "", tip))))

    def _show_rate(self, state: EngineState) -> None:
        rate, unit, meaning = 0.0, "", ""
        if state.phase == "generating":
            rate, unit, meaning = state.tokens_per_second, "tok/s", tr("Tokens per second, over the last second")
        elif state.phase == "ready":
            rate, unit, meaning = (
                self._answer_rate,
                tr("tok/s in the last answer"),
                tr("Tokens per second, whole answer"),
            )
        set_role(self._rate, "figure" if state.phase == "generating" else "muted")
        self._rate.setText(f"{rate:.1f}" if rate > 0 else "")
        self._unit = unit if rate > 0 else ""
        self._rate.setToolTip(meaning)
        self._rate.setAccessibleName(f"{rate:.1f} {unit}" if rate > 0 else "")
        self._fit()

    def _sample(self, pid: int) -> None:
        if self._sampling:
            return
        self._sampling = True
        self._sampled.start()

        def read(context: TaskContext) -> EngineMemory:
            return self._memory(pid)

        self._tasks.run(read, done=self._show_memory, failed=self._no_memory, lane=Lane.JOB, owner=self)

    def _show_memory(self, memory: EngineMemory) -> None:
        self._sampling = False
        if self._state.phase in _HOLDS_NOTHING:
            return
        self._ram.show_bytes(memory.resident, memory.ram_total)
        self._vram.show_bytes(memory.vram_used, memory.vram_total)
        self._fit()

    def _no_memory(self, error: Exception) -> None:
        """A process that ended between two looks has no memory to show."""
        self._sampling = False
        self._ram.hide()
        self._vram.hide()
