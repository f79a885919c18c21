"""What the page Inspect shows before its first model: what it is for, and what to do first."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.ui.inspect.actions import OPEN_LOADED, OPEN_STARTER
from desktop.ui.shared.buttons import explained_button
from desktop.ui.shell.theme import set_role

_ADVICE = tr(
    "See every layer, tensor and setting of a model, whether it is damaged, and how it "
    "was quantized. Open a file, drop one here, choose Inspect in the Library, or give "
    "the address of a file on the Hub: only its header is read."
)
_TEXT_WIDTH = 520
_NAME_CHARACTERS = 24


class EmptyInspector(QWidget):
    """Offers a file, the Hub, the model that is loaded, and the starter model."""

    file_asked = Signal()
    address_asked = Signal()
    source_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectEmpty")
        self._loaded_path = ""
        title = QLabel(tr("What is inside a model file?"))
        title.setObjectName("inspectEmptyTitle")
        set_role(title, "title")
        text = QLabel(_ADVICE)
        text.setObjectName("inspectEmptyText")
        text.setWordWrap(True)
        text.setFixedWidth(_TEXT_WIDTH)
        text.setFixedHeight(text.heightForWidth(_TEXT_WIDTH))  # centred widgets are not asked for it by the layout
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        set_role(text, "muted")
        opening = explained_button(tr("Open file…"), "inspectEmptyOpen", tr("Open a model file"), "primary")
        opening.clicked.connect(self.file_asked)
        hub = explained_button(tr("From the Hub…"), "inspectEmptyHub", tr("Give the address of a file on the Hub"))
        hub.clicked.connect(self.address_asked)
        self._loaded = explained_button("", "inspectEmptyLoaded", OPEN_LOADED.words)
        self._loaded.clicked.connect(lambda: self.source_chosen.emit(self._loaded_path))
        starter = explained_button(OPEN_STARTER.short, "inspectEmptyStarter", OPEN_STARTER.words)
        starter.clicked.connect(lambda: self.source_chosen.emit("starter"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        for button in (opening, hub, self._loaded, starter):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(2)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(row)
        column.addStretch(3)
        self.setFocusProxy(opening)
        self.set_loaded("", "")

    def set_loaded(self, path: str, name: str) -> None:
        """Offer the model the engine holds; "" for none."""
        self._loaded_path = path
        short = name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"
        self._loaded.setText(tr("Loaded now: {short}", short=short))
        self._loaded.setToolTip(plain_tooltip(path))
        self._loaded.setVisible(bool(path))
