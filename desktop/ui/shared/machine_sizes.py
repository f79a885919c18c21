"""How much memory another computer would have, asked for in two fields."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from desktop.core.machines import GIB
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.number_fields import DecimalField
from desktop.ui.shared.reflow import resize_dialog

_GB = 1_000_000_000
_WIDTH = 560  # pixels
_MOST = 4096.0  # GB
_USUAL_RAM, _USUAL_VRAM = 32 * GIB, 12 * GIB
_WORDS = tr(
    "GB count in thousands here, as everywhere in Heft: a memory module that is sold as "
    "16 GB holds {human_bytes}, two of them {human_bytes2}, a graphics card of 24 GB "
    "{human_bytes3}.\nModels are weighed for this computer's processor with so much "
    "memory. How quick such a graphics card is, is not known: choose a product in "
    'Discover, beside "what if", for that.',
    human_bytes=human_bytes(16 * GIB),
    human_bytes2=human_bytes(32 * GIB),
    human_bytes3=human_bytes(24 * GIB),
)


class MachineSizes(QDialog):
    """Main memory and graphics memory in decimal GB, as all of Heft's figures; 0 of the latter: no card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineSizes")
        self.setWindowTitle(tr("What if: other memory"))
        self._ram = _field("machineSizesRam", tr("Main memory"), 1.0, _USUAL_RAM)
        self._vram = _field("machineSizesVram", tr("Graphics memory"), 0.0, _USUAL_VRAM, tr("no graphics card"))
        words = plain_label("machineSizesWords", "muted")
        words.setText(_WORDS)
        form = QFormLayout()
        form.addRow(tr("Main memory (RAM)"), self._ram)
        form.addRow(tr("Graphics memory (VRAM)"), self._vram)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(words)
        column.addWidget(buttons)
        resize_dialog(self, QSize(_WIDTH, column.heightForWidth(_WIDTH)))

    @property
    def sizes(self) -> tuple[int, int]:
        """Main memory and graphics memory, in bytes."""
        return round(self._ram.value() * _GB), round(self._vram.value() * _GB)


def ask_sizes(parent: QWidget) -> tuple[int, int] | None:
    """Main memory and graphics memory in bytes; None where nothing was chosen."""
    dialog = MachineSizes(parent)
    try:
        return dialog.sizes if dialog.exec() == QDialog.DialogCode.Accepted else None
    finally:
        dialog.deleteLater()


def _field(name: str, title: str, least: float, usual: int, least_words: str = "") -> DecimalField:
    field = DecimalField(_MOST, 1.0, low=least, decimals=1, word=least_words)
    field.setObjectName(name)
    field.setAccessibleName(tr("{title} in GB", title=title))
    field.setValue(usual / _GB)
    field.setSuffix(" GB")
    return field
