"""How much memory another computer would have, asked for in two fields."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from desktop.core.machines import GIB
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.number_fields import WholeField

_MOST = 4096  # GB
_USUAL_RAM, _USUAL_VRAM = 32, 12
_WORDS = (
    "Sizes as they are sold: 64 GB are told as 68.7 GB elsewhere, which counts in thousands. Models are weighed for "
    "this computer's processor with so much memory. How quick such a graphics card is, is not known: choose a product "
    'in Discover, beside "what if", for that.'
)


class MachineSizes(QDialog):
    """Main memory and graphics memory in GB, as they are sold; 0 of the latter: no card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineSizes")
        self.setWindowTitle("What if: other memory")
        self._ram = _field("machineSizesRam", "Main memory", 1, _USUAL_RAM)
        self._vram = _field("machineSizesVram", "Graphics memory", 0, _USUAL_VRAM, "no graphics card")
        words = plain_label("machineSizesWords", "muted")
        words.setText(_WORDS)
        form = QFormLayout()
        form.addRow("Main memory (RAM)", self._ram)
        form.addRow("Graphics memory (VRAM)", self._vram)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(words)
        column.addWidget(buttons)

    @property
    def sizes(self) -> tuple[int, int]:
        """Main memory and graphics memory, in bytes."""
        return self._ram.value() * GIB, self._vram.value() * GIB


def ask_sizes(parent: QWidget) -> tuple[int, int] | None:
    """Main memory and graphics memory in bytes; None where nothing was chosen."""
    dialog = MachineSizes(parent)
    try:
        return dialog.sizes if dialog.exec() == QDialog.DialogCode.Accepted else None
    finally:
        dialog.deleteLater()


def _field(name: str, title: str, least: int, usual: int, least_words: str = "") -> WholeField:
    field = WholeField(_MOST, least_words, low=least)
    field.setObjectName(name)
    field.setAccessibleName(title)
    field.setValue(usual)
    field.setSuffix(" GB")
    return field
