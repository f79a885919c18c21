"""The strip below the library's table: the selected model, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.units import human_bytes, human_parameters
from desktop.services.models.library import LibraryModel
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import WARNING_SIGN, plain_label
from desktop.ui.shell.theme import set_role


class ModelDetails(QFrame):
    """Facts of one model and its actions; the page decides what each action means."""

    chat_asked = Signal()
    inspect_asked = Signal()
    folder_asked = Signal()
    remove_asked = Signal()

    def __init__(self, *, inspector: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("libraryDetails")
        self.setAccessibleName("Selected model")
        set_role(self, "card")
        self._name = ElidedLabel()
        self._name.setObjectName("libraryDetailsName")
        set_role(self._name, "subtitle")
        self._facts = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._facts.setObjectName("libraryDetailsFacts")
        self._place = ElidedLabel()
        self._place.setObjectName("libraryDetailsPlace")
        set_role(self._place, "muted")
        self._problem = plain_label("libraryDetailsProblem", "warn")
        words = QVBoxLayout()
        words.setSpacing(3)
        for label in (self._name, self._facts, self._place, self._problem):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, label.sizePolicy().verticalPolicy())
            words.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 14, 12)
        row.setSpacing(8)
        row.addLayout(words, 1)
        self.chat = explained_button("Chat", "libraryChat", "Chat with the selected model (Enter)", "primary")
        self.chat.clicked.connect(self.chat_asked)
        self.inspect = explained_button("Inspect", "libraryInspect", "See what is inside the file")
        self.inspect.clicked.connect(self.inspect_asked)
        self.folder = explained_button("Show in folder", "libraryShowInFolder", "Open the folder of the file")
        self.folder.clicked.connect(self.folder_asked)
        about = "Remove the file from this computer (Delete)"
        self.remove = explained_button("Remove…", "libraryRemove", about, "danger")
        self.remove.clicked.connect(self.remove_asked)
        for button in (self.chat, self.inspect, self.folder, self.remove):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.inspect.setVisible(inspector)

    def show_model(self, model: LibraryModel, *, removable: bool) -> None:
        """Show a model's facts; ``removable`` says whether Heft may remove its files."""
        self._name.set_whole_text(model.name)
        self._facts.set_whole_text(" · ".join(_facts(model)))
        others = f"  (also in {', '.join(str(p) for p in model.also_in)})" if model.also_in else ""
        self._place.set_whole_text(f"{model.path}{others}")
        self._problem.setText(f"{WARNING_SIGN} {model.problem}")
        self._problem.setVisible(bool(model.problem))
        # Never a dead end: a file that looks broken can still be tried, the engine says what it makes of it.
        self.chat.setText("Try anyway" if model.problem else "Chat")
        self.remove.setVisible(removable)


def _facts(model: LibraryModel) -> list[str]:
    facts = [model.architecture] if model.architecture else []
    if model.parameters:
        facts.append(f"{human_parameters(model.parameters)} parameters")
    if model.quantization:
        bits = f", {model.size_bytes * 8 / model.parameters:.2f} bits per weight" if model.parameters else ""
        facts.append(f"{model.quantization}{bits}")
    facts.append(human_bytes(model.size_bytes) + (f" in {len(model.files)} parts" if len(model.files) > 1 else ""))
    if model.context_length:
        facts.append(f"trained for {model.context_length:,} tokens")
    if model.mmproj:
        facts.append("with projector (images or sound)")
    return facts
