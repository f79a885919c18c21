"""The page Machine: what this computer is, or what a saved profile says of another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.core.errors import HeftError
from desktop.core.hardware import Machine, Memory
from desktop.core.pools import Reclaimable
from desktop.core.words import tr
from desktop.services.machine.machine import MachineService, Measure
from desktop.services.machine.report import report
from desktop.ui.machine import actions
from desktop.ui.machine.format_panel import FormatPanel
from desktop.ui.machine.machine_cards import CpuCard, EngineCard, GraphicsCard, MemoryCard
from desktop.ui.machine.trust_panel import TrustPanel, TrustSources
from desktop.ui.shared.chosen_machine import PROFILE_FILTER, ChosenMachine
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside, CurrentStack
from desktop.ui.shared.what_if_actions import ANOTHER_CHOSEN, LOAD_PROFILE, OWN_SIZES, THIS_COMPUTER
from desktop.ui.shared.what_if_banner import WhatIfBanner
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Task, Tasks
from desktop.ui.shell.theme import Theme, set_role

LIVE_MILLISECONDS = 2000
AGAIN_MILLISECONDS = 60_000  # between two looks whether the computer is quiet enough to measure it again
_WAITING = tr("Asking this computer what it is. This takes a few seconds the first time…")
_NO_ANSWER = tr('This computer could not be asked. Choose "Measure again" to try once more.')
_LEGEND = "\n".join(
    (
        tr("● native: this device multiplies numbers of this format directly."),
        tr("● native, unused: it could, but llama.cpp, which runs the models, does not make use of that."),
        "◐ converted: models in this format load; their numbers are turned into another format to be multiplied.",
        "○ none: not used on this device; its row and its tooltip say why.",
    )
)
_PAIR = 420  # pixels that two cards need beside each other


class MachinePage(Page):
    """Asks the computer at its first visit; the memory is live while the page is in view."""

    def __init__(
        self,
        service: MachineService,
        tasks: Tasks,
        theme: Theme,
        sources: TrustSources | None = None,
        chosen: ChosenMachine | None = None,
        held: Callable[[], Reclaimable] = Reclaimable,
        parent: QWidget | None = None,
    ) -> None:
        """``sources`` are those of the section "predicted against measured"; without them it is left out. ``chosen`` is
        the machine of "what if", shared with other pages; ``held`` is what the running engine would give back.
        """
        super().__init__(parent, actions.MACHINE_ACTIONS)
        self.setObjectName("machinePage")
        self._service = service
        self._tasks = tasks
        self._own: Machine | None = None
        self._chosen = chosen or ChosenMachine(service, tasks, self)
        self._profile: Machine | None = None
        self._asking: Task | None = None
        self._live: Task | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LIVE_MILLISECONDS)
        self._timer.timeout.connect(self._read_memory)
        self._again = QTimer(self)  # also while another page is in view
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MILLISECONDS)
        self._again.timeout.connect(self.measure_when_quiet)
        self._cpu = CpuCard(service.feature_meanings)
        self._loaded = held
        self._memory = MemoryCard(self._held)
        self._graphics = GraphicsCard(service.architecture_title)
        self._engine = EngineCard()
        self._formats = FormatPanel(theme, service.formats)
        self._trust = TrustPanel(theme, tasks, sources) if sources is not None else None
        self._connect_actions()
        self._build()
        self._chosen.changed.connect(self._show_chosen)
        self._chosen.failed.connect(self.notify)
        self._show_chosen()

    @property
    def machine(self) -> Machine | None:
        """What the page shows: a loaded profile, else this computer; None before the first answer."""
        return self._profile or self._own

    def shown(self) -> None:
        """Ask once; afterwards only the live memory is read again."""
        self._timer.start()
        if self._own is None:
            self.ask("if-missing")
        else:
            self._read_memory()
            if self._trust is not None:
                self._trust.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is read for a page nobody sees."""
        self._timer.stop()
        super().hideEvent(event)

    def ask(self, measure: Measure) -> None:
        """Describe this computer in the background; one question at a time."""
        if self._asking is not None:
            return
        self._waiting.setText(_WAITING)
        self._asking = self._tasks.run(
            lambda context: self._service.describe(measure),
            done=self._answered,
            failed=self._failed,
            lane=Lane.JOB,
            owner=self,
        )
        self._refresh()

    def measure_when_quiet(self) -> None:
        """What was measured while other programs were busy is measured again, as soon as they are not."""
        self._tasks.run(
            lambda context: self._service.quiet(), done=self._looked, failed=self._failed, lane=Lane.JOB, owner=self
        )

    def _looked(self, quiet: bool) -> None:
        if quiet:
            self.ask("if-missing")
        else:
            self._again.start()

    def _held(self) -> Reclaimable:
        """What the running engine would give back; nothing of it is on a computer of "what if"."""
        return self._loaded() if self._profile is None else Reclaimable()

    def copy_report(self) -> None:
        """Put the report into the clipboard."""
        if self.machine is not None:
            QGuiApplication.clipboard().setText(report(self.machine, self._held()))
            self.notify.emit(tr("The report is in the clipboard. It names no person, folder or program."))

    def save_profile(self, path: Path) -> None:
        """Save what the page shows, in the background."""
        machine = self.machine
        if machine is not None:
            self._tasks.run(
                lambda context: self._service.save_profile(machine, path),
                done=lambda _: self.notify.emit(tr("The profile was saved as {name}.", name=path.name)),
                failed=self.notify.emit,
                lane=Lane.JOB,
                owner=self,
            )

    def load_profile(self, path: Path) -> None:
        """Show a saved profile instead of this computer; one that cannot be read changes nothing."""
        self._chosen.load(path)

    def close_profile(self) -> None:
        """Back to this computer."""
        self._chosen.choose(None)
        self._load.setFocus()

    def _connect_actions(self) -> None:
        for action, call in (
            (actions.MEASURE, lambda: self.ask("again")),
            (actions.COPY_REPORT, self.copy_report),
            (actions.SAVE_PROFILE, self._choose_save),
            (LOAD_PROFILE, lambda: self._chosen.ask_profile(self)),
            (OWN_SIZES, lambda: self._chosen.ask_sizes(self)),
            (THIS_COMPUTER, self.close_profile),
            (actions.CALIBRATE, self._calibrate),
        ):
            self.commands.connect_to(action, call)
        self.commands.ask(actions.NOT_CALIBRATING, lambda: self._trust is not None and not self._trust.calibrating)

    def _calibrate(self) -> None:
        if self._trust is not None:
            self._trust.calibrate()  # the scroll area follows the keyboard

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(self._build_head())
        self._banner = WhatIfBanner("machine", self.commands)
        column.addWidget(self._banner)
        self._body = CurrentStack()
        self._waiting = QLabel(_WAITING)
        self._waiting.setObjectName("machineWaiting")
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._waiting.setWordWrap(True)
        set_role(self._waiting, "muted")
        self._body.addWidget(self._waiting)
        self._body.addWidget(self._build_cards())
        column.addWidget(self._body, 1)
        scroll = QScrollArea()
        scroll.setObjectName("machineScroll")
        scroll.setAccessibleName(tr("This machine"))
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _build_head(self) -> QWidget:
        self._title = QLabel(tr("This machine"))
        self._title.setObjectName("machineTitle")
        set_role(self._title, "title")
        self._state = QLabel()
        self._state.setObjectName("machineState")
        set_role(self._state, "muted")
        self._load = self.commands.button(LOAD_PROFILE, "machineLoad")
        said, offered = QWidget(), QWidget()
        words, buttons = QHBoxLayout(said), QHBoxLayout(offered)
        for row in (words, buttons):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
        words.addWidget(self._title)
        words.addWidget(self._state, 0, Qt.AlignmentFlag.AlignBottom)
        words.addStretch(1)
        for action, name in (
            (actions.MEASURE, "machineMeasure"),
            (actions.COPY_REPORT, "machineCopy"),
            (actions.SAVE_PROFILE, "machineSave"),
        ):
            buttons.addWidget(self.commands.button(action, name))
        buttons.addWidget(self._load)
        buttons.addWidget(self.commands.button(OWN_SIZES, "machineOwnSizes"))
        buttons.addStretch(1)
        return Beside(said, offered, stretch=(1, 0))

    def _build_cards(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        computing = Beside(self._cpu, self._memory, needs=_PAIR, spacing=12)
        serving = Beside(self._graphics, self._engine, needs=_PAIR, spacing=12)
        column.addWidget(Beside(computing, serving, needs=2 * _PAIR, spacing=12))
        self._notes = plain_label("machineNotes", "warn")
        self._notes.setAccessibleName(tr("Notes"))
        column.addWidget(self._notes)
        if self._trust is not None:
            self._trust.failed.connect(self.notify.emit)
            self._trust.calibrated.connect(self.notify.emit)
            column.addWidget(self._trust)
        heading = QLabel(tr("Number formats"))
        set_role(heading, "subtitle")
        column.addWidget(heading)
        column.addWidget(plain_label("machineFormatLegend", "muted", _LEGEND))
        column.addWidget(self._formats, 1)
        return page

    # -- what happens ----------------------------------------------------------------------------

    def _answered(self, machine: Machine) -> None:
        self._asking = None
        self._own = machine
        if machine.memory.bandwidth_doubtful:
            self._again.start()
        if self._trust is not None:
            self._trust.set_machine(machine)
        self._refresh()

    def _failed(self, error: HeftError) -> None:
        self._asking = None
        self._waiting.setText(_NO_ANSWER)
        self.notify.emit(error)
        self._refresh()

    def _show_chosen(self) -> None:
        """What was chosen here or on another page; its number formats follow from what it is."""
        machine, title = self._chosen.described, self._chosen.title
        self._profile = self._service.complete(machine) if machine is not None else None
        words = tr("What if: this is {title}, not the computer in front of you.", title=title or tr("another machine"))
        self._banner.show_words(words if self._profile is not None else "")
        self._refresh()

    def _read_memory(self) -> None:
        if self._own is None or self._profile is not None or (self._live is not None and self._live.running):
            return
        self._live = self._tasks.run(
            lambda context: self._service.memory(), done=self._show_memory, lane=Lane.JOB, owner=self
        )

    def _show_memory(self, memory: Memory) -> None:
        if self._own is None:
            return
        live = {"total_bytes": memory.total_bytes, "available_bytes": memory.available_bytes}
        self._own = msgspec.structs.replace(self._own, memory=msgspec.structs.replace(self._own.memory, **live))
        if self._profile is None:
            self._memory.show_live(self._own.memory)

    def _refresh(self) -> None:
        machine, asking = self.machine, self._asking is not None
        self._title.setText(tr("What if") if self._profile else tr("This machine"))
        self._state.setText(tr("Measuring…") if asking and machine is not None else "")
        self.commands.allow(actions.NOT_ASKING, not asking)
        self.commands.allow(actions.OWN_SHOWN, self._profile is None)
        self.commands.allow(ANOTHER_CHOSEN, self._profile is not None)
        self.commands.allow(actions.KNOWN, machine is not None)
        self._body.setCurrentIndex(0 if machine is None else 1)
        if machine is None:
            return
        for card in (self._cpu, self._memory, self._graphics):
            card.show_machine(machine)
        self._engine.show_machine(machine, here=self._profile is None)
        self._formats.set_machine(machine)
        self._notes.setText("\n".join(f"⚠ {note}" for note in machine.notes))
        self._notes.setVisible(bool(machine.notes))
        if self._trust is not None:
            self._trust.setVisible(self._profile is None)  # nothing was ever run on a saved machine

    def _choose_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Save profile"), "machine.json", PROFILE_FILTER)
        if name:
            path = Path(name)
            self.save_profile(path if path.suffix else path.with_suffix(".json"))
