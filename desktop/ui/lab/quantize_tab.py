"""The tab Quantize: a type is chosen, what it comes to is said, and then it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.progress import Progress
from desktop.core.quantize_recipe import TARGETS, Recipe
from desktop.core.quants import FILE_TYPES, TYPES_BY_NAME
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.discover.tables import DataTables
from desktop.services.lab.words import loss_lines, made_of_words, mainly_words, speed_words
from desktop.ui.lab import actions
from desktop.ui.lab.result_card import ResultCard
from desktop.ui.lab.worked_out import WorkedOut
from desktop.ui.shared.elided_choice import ElidedChoice
from desktop.ui.shared.labels import WARNING_SIGN, plain_label
from desktop.ui.shared.progress_line import ProgressLine
from desktop.ui.shared.reflow import Column
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.tasks import Lane, TaskContext, Tasks
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.lab.prospect import Prospect
    from desktop.services.lab.quantizing import Made, QuantizingService

USUAL = "Q4_K_M"
_FACTS = (
    ("labTarget", tr("File")), ("labSize", tr("Size")), ("labMadeOf", tr("Made of")),
    ("labMemory", tr("Memory")), ("labSpeed", tr("Speed")), ("labLoss", tr("Loss")),
)  # fmt: skip


class QuantizeTab(Column):
    """Works out each choice in the background; the newest counts."""

    notify = Signal(object)
    made = Signal(object)  # Made
    chat_asked = Signal(object)  # Path
    library_asked = Signal(object)  # Path
    measure_asked = Signal(object, str)  # Path of what was made, path of what it was made from

    def __init__(self, service: Callable[[], QuantizingService], commands: ActionRegistry, tasks: Tasks) -> None:
        super().__init__()
        self.setObjectName("labQuantizeTab")
        self._service, self._commands, self._tasks = service, commands, tasks
        self._model = ""
        self._imatrix = ""
        self._before: WorkedOut[Prospect] = WorkedOut(tasks, self, self._show)
        self._stop: threading.Event | None = None
        self._target: Path | None = None  # where the file goes, None for the usual place
        self._made: Made | None = None
        self._made_from = ""
        self._mix: Recipe | None = None  # types that were chosen for a size, in the place of a type's own
        commands.connect_to(actions.QUANTIZE, self._make)
        commands.connect_to(actions.IMATRIX, self._choose_imatrix)
        commands.connect_to(actions.SAVE_AS, self._save_as)
        commands.connect_to(actions.CHAT_MADE, lambda: self.chat_asked.emit(self._made_path))
        commands.connect_to(actions.SHOW_MADE, lambda: self.library_asked.emit(self._made_path))
        commands.connect_to(actions.MEASURE_MADE, lambda: self.measure_asked.emit(self._made_path, self._made_from))
        self._build()
        self._type.currentIndexChanged.connect(self._type_chosen)
        self._again.toggled.connect(self._show)

    @property
    def _ready(self) -> bool:
        found = self._before.found
        if found is None or found.taken or (found.needs_imatrix and not found.recipe.imatrix):
            return False
        return not found.requantized or self._again.isChecked()

    def show_model(self, path: str) -> None:
        """Another model, "" for none."""
        if path != self._model:
            self._model, self._imatrix, self._target, self._mix = path, "", None, None
            self._clear_result()
            self._again.setChecked(False)
            self._work_out()

    def add_below(self, *cards: QWidget) -> None:
        """What else belongs to making a variant, below all of it."""
        for card in cards:
            self._column.insertWidget(self._column.count() - 1, card)

    def use_imatrix(self, path: str) -> None:
        """The matrix that lies beside the model, "" where there is none; the next prospect has it."""
        if path and path != self._imatrix:
            self._imatrix = path
            self._work_out()

    def use_recipe(self, recipe: Recipe, target: Path) -> None:
        """Types that were chosen for a size, and the file to make of them."""
        self._mix, self._target = recipe, target
        self._clear_result()
        self._work_out()

    def look_again(self) -> None:
        """Something was measured, or files came or went."""
        if self._stop is None:
            self._work_out()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        self._type = ElidedChoice()
        self._type.setObjectName("labType")
        self._type.setAccessibleName(tr("Type of the variant"))
        for name in sorted(TARGETS, key=_order):
            self._type.addItem(tr("{name} · about {name2:.3g} bits per weight", name=name, name2=_bits(name)), name)
        self._type.setCurrentIndex(self._type.findData(USUAL))
        self._type.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._type.setMinimumContentsLength(30)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._type)
        row.addWidget(self._commands.button(actions.IMATRIX, "labImatrix"))
        row.addStretch(1)
        card = QFrame()
        card.setObjectName("labProspect")
        set_role(card, "card")
        form = QFormLayout(card)
        form.setContentsMargins(14, 12, 14, 12)
        form.setHorizontalSpacing(16)
        self._facts = {}
        for name, title in _FACTS:
            heading = plain_label(f"{name}Title", "muted")
            heading.setText(title)
            self._facts[name] = plain_label(name)
            self._facts[name].setWordWrap(True)
            form.addRow(heading, self._facts[name])
        self._warning = plain_label("labWarning", "warn")
        self._warning.setWordWrap(True)
        self._again = QCheckBox(tr("Make it all the same"))
        self._again.setObjectName("labQuantizeAgain")
        self._again.setAccessibleName(tr("Make it from weights that are quantized already all the same"))
        self._line = ProgressLine(
            "labMaking",
            tr("The variant that is made"),
            ("labMakingCancel", tr("Cancel the variant")),
            Qt.TextElideMode.ElideMiddle,
        )
        self._line.cancelled.connect(self._cancel)
        self._line.hide()
        buttons = QHBoxLayout()
        buttons.addWidget(self._commands.button(actions.QUANTIZE, "labQuantize", role="primary"))
        buttons.addWidget(self._commands.button(actions.SAVE_AS, "labSaveAs"))
        buttons.addStretch(1)
        self._result = ResultCard(self._commands)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(12)
        column.addLayout(row)
        column.addWidget(card)
        column.addWidget(self._warning)
        column.addWidget(self._again)
        column.addLayout(buttons)
        column.addWidget(self._line)
        column.addWidget(self._result)
        column.addStretch(1)
        self._column = column
        self._show()

    # -- what is said ----------------------------------------------------------------------------

    def _work_out(self) -> None:
        if not self._model:
            self._before.ask(None)
            return
        model, recipe = self._model, self._mix or Recipe(self._type.currentData(), imatrix=self._imatrix)
        target = self._target
        self._before.ask(
            lambda context: self._service().prospect(model, recipe, target, cancelled=lambda: context.cancelled)
        )

    def _show(self) -> None:
        found = self._before.found
        words = dict.fromkeys(self._facts, "–")
        if found is not None:
            weighed = found.weighed
            words["labSize"] = tr(
                "{size_bytes}, {size_bytes2:,} bytes; made from {size_bytes3}",
                size_bytes=human_bytes(found.size_bytes),
                size_bytes2=found.size_bytes,
                size_bytes3=human_bytes(found.source.size_bytes),
            )
            if weighed is not None:
                memory = human_bytes(weighed.fit.memory.total_bytes)
                words["labMemory"] = tr(
                    "{memory} at {context:,} tokens of context", memory=memory, context=weighed.fit.context
                )
                words["labSpeed"] = speed_words(weighed.plan.speeds)
            words["labTarget"] = str(found.target)
            words["labMadeOf"] = f"{made_of_words(found)}. {mainly_words(found)}".removesuffix(" ").removesuffix(".")
            words["labLoss"] = "\n".join(loss_lines(found))
        else:
            words["labSize"] = self._before.words() or "–"
        for name, text in words.items():
            self._facts[name].setText(text)
        warning = self._warning_words()
        self._warning.setText(f"{WARNING_SIGN} {warning}")
        self._warning.setVisible(bool(warning))
        self._again.setVisible(found is not None and bool(found.requantized))
        self._allow()

    def _allow(self) -> None:
        focused = self.window().focusWidget()
        self._commands.allow(actions.KNOWN, self._before.found is not None)
        self._commands.allow(actions.WORKED_OUT, self._ready, self._warning_words())
        self._commands.allow(actions.NOT_MAKING, self._stop is None)
        self._commands.allow(actions.LAB_MODEL, bool(self._model))
        if focused is not None and self.isAncestorOf(focused) and not focused.isEnabled():
            self._type.setFocus(Qt.FocusReason.OtherFocusReason)  # Qt would send the keyboard out of the page

    def _warning_words(self) -> str:
        from desktop.services.lab.quantizing import requantizing_words

        found = self._before.found
        if found is None:
            return ""
        if found.needs_imatrix and not found.recipe.imatrix:
            return tr("{type} is of no use without an importance matrix.", type=found.recipe.type)
        words = [requantizing_words(found)] if found.requantized else []
        if found.taken and (self._made is None or str(found.target) not in self._made.files):
            words.append(
                tr(
                    "There is a file {name} in {parent} already. Save it as another one.",
                    name=found.target.name,
                    parent=found.target.parent,
                )
            )
        return " ".join(words)

    def _choose_imatrix(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Importance matrix"), str(Path(self._model).parent))
        if name:
            self._imatrix = name
            self._work_out()

    def _type_chosen(self) -> None:
        self._target = self._mix = None
        self._clear_result()
        self._work_out()

    def _save_as(self) -> None:
        found = self._before.found
        if found is None:
            return
        offered = self._service().free_target(found.target) if found.taken else found.target
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save the variant as"), str(offered), tr("GGUF models (*.gguf)"),
            options=QFileDialog.Option.DontConfirmOverwrite,  # what is there is never overwritten
        )  # fmt: skip
        if name:
            self._target = Path(name if name.endswith(".gguf") else f"{name}.gguf")
            self._clear_result()
            self._work_out()

    @property
    def _made_path(self) -> Path:
        assert self._made is not None
        return Path(self._made.files[0])

    def _clear_result(self) -> None:
        self._made = None
        self._result.clear()

    # -- making it -------------------------------------------------------------------------------

    def _make(self) -> None:
        found, again = self._before.found, self._again.isChecked()
        if found is None:
            return
        stop = self._stop = threading.Event()  # when the window closes, the job goes on at its next start
        self._clear_result()
        self._made_from = str(found.source.path)
        here = self._keyboard_is_here()
        self._line.show()
        if here:
            self._line.take_focus()  # before the button that has the keyboard is disabled, and it goes elsewhere
        self._line.set_progress(Progress(), tr("Making {name}…", name=found.target.name))

        def make(context: TaskContext) -> tuple[Made, bool]:
            service = self._service()
            made = service.quantize(found, again=again, progress=context.progress, cancelled=stop.is_set)
            return made, service.in_library(made)

        self._tasks.run(
            make,
            done=self._done,
            failed=self._not_made,
            progress=lambda step: self._line.set_progress(
                step, tr("Making {name} · {note}", name=found.target.name, note=step.note)
            ),
            lane=Lane.COMMAND,
            owner=self,
        )
        self._allow()

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _done(self, found: tuple[Made, bool]) -> None:
        made, in_library = found
        self._made = made
        self._result.show_made(made, in_library=in_library)
        if self._line.has_focus:
            self._result.take_focus()
        self._end()
        self._work_out()
        self.notify.emit(
            tr(
                "{name} was made and tried: {size_bytes}.",
                name=Path(made.files[0]).name,
                size_bytes=human_bytes(made.size_bytes),
            )
        )
        self.made.emit(made)

    def _not_made(self, error: HeftError) -> None:
        self._end()
        if not isinstance(error, CancelledError):
            self.notify.emit(error)

    def _end(self) -> None:
        self._stop = None
        self._allow()
        if self._line.has_focus:
            self._type.setFocus(Qt.FocusReason.OtherFocusReason)
        self._line.hide()

    def _keyboard_is_here(self) -> bool:
        focused = self.window().focusWidget()
        return focused is not None and self.isAncestorOf(focused)


@cache
def _tables() -> DataTables:
    return DataTables()


def _order(name: str) -> tuple[float, str]:
    """From the largest down."""
    return -_bits(name), name


def _bits(name: str) -> float:
    """Bits per weight of a whole file: those measured of a model of 8B, else those of the type's main tensor type."""
    step = _tables().quality.step(name)
    if step is not None and step.bits_per_weight is not None:
        return step.bits_per_weight
    return TYPES_BY_NAME[FILE_TYPES[TARGETS[name]].base].bits_per_weight
