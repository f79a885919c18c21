"""Choosing what to look at: a file, a folder, an address on the Hub, something recent, a model of the library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QLineEdit, QMenu, QVBoxLayout, QWidget

from desktop.core.hub_address import PREFIX, hub_address
from desktop.core.text import plain_tooltip
from desktop.core.words import tr
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.model_titles import menu_title, shortened
from desktop.ui.shared.reflow import resize_dialog
from desktop.ui.shared.signals import calling
from desktop.ui.shell.theme import set_role

if TYPE_CHECKING:
    from desktop.services.models.library import LibraryModel

MOST_RECENT = 8
_MOST_MODELS = 15
_NAME_CHARACTERS = 60
_DIALOG_WIDTH = 620
_FILTER = tr(
    "Model files (*.gguf *.safetensors *.llamafile *.bin *.pt *.pth *.ckpt *.onnx *.h5 "
    "*.keras *.engine *.plan *.json);;All files (*)"
)


class SourceMenu(QMenu):
    """Asks by dialogs that block nothing; what was chosen goes out as a source of the inspection service."""

    chosen = Signal(str)
    list_asked = Signal()  # about to show: the models of the library are wanted

    def __init__(self, name: str, verb: str, parent: QWidget) -> None:
        """``verb`` begins the dialogs' titles: "Inspect", "Compare with"."""
        super().__init__(parent)
        self.setObjectName(name)
        self.setToolTipsVisible(True)
        self._verb = verb
        self._window = parent
        self._recent: Sequence[str] = ()
        self._models: Sequence[LibraryModel] = ()
        self.aboutToShow.connect(self.list_asked)
        self._fill()

    def set_recent(self, sources: Sequence[str]) -> None:
        """The sources that were opened last, newest first."""
        self._recent = sources
        self._fill()

    def set_models(self, models: Sequence[LibraryModel]) -> None:
        """The models of this computer."""
        self._models = models
        self._fill()

    def _fill(self) -> None:
        self.clear()
        self.addAction(tr("File…"), self.ask_file)
        self.addAction(tr("Folder…"), self.ask_folder)
        self.addAction(tr("From the Hub…"), self.ask_address)
        if self._recent:
            self._add_heading(tr("Recent"))
        for source in self._recent:
            self._add(shortened(source if source.startswith(PREFIX) else Path(source).name, _NAME_CHARACTERS), source)
        if self._models:
            self._add_heading(tr("On this computer"))
        for model in self._models[:_MOST_MODELS]:
            self._add(menu_title(model, _NAME_CHARACTERS), str(model.path))
        if len(self._models) > _MOST_MODELS:
            more = self.addAction(tr("{models} more on the page Library", models=len(self._models) - _MOST_MODELS))
            more.setEnabled(False)

    def _add_heading(self, text: str) -> None:
        self.addSeparator()
        self.addAction(text).setEnabled(False)  # the style sheet's separators have no room for words

    def _add(self, text: str, source: str) -> None:
        action = self.addAction(text, calling(self.chosen.emit, source))
        action.setToolTip(plain_tooltip(source))

    def ask_file(self) -> None:
        """Ask for a file."""
        dialog = QFileDialog(self._window, tr("{verb} a model file", verb=self._verb), "", _FILTER)
        dialog.setObjectName("inspectFileDialog")
        self._ask(dialog)

    def ask_folder(self) -> None:
        """Ask for a folder, for models of many files."""
        dialog = QFileDialog(self._window, tr("{verb} a model folder", verb=self._verb))
        dialog.setObjectName("inspectFolderDialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        self._ask(dialog)

    def _ask(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.chosen)
        dialog.open()

    def ask_address(self) -> None:
        """Ask for an address on the Hub."""
        dialog = AddressDialog(tr("{verb} a file on the Hub", verb=self._verb), self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.given.connect(self.chosen)
        dialog.open()


class AddressDialog(QDialog):
    """Takes ``hf:OWNER/REPO[/FILE]``, or the link of a page; says at once whether it understood."""

    given = Signal(str)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hubAddressDialog")
        self.setWindowTitle(title)
        self.setMinimumWidth(360)
        about = tr("Only headers are read, some megabytes at most; nothing is downloaded. A repo shows its files.")
        words = plain_label("hubAddressAbout", "muted", about)
        self._field = QLineEdit()
        self._field.setObjectName("hubAddress")
        self._field.setAccessibleName(tr("Address of a file or repo on the Hub"))
        self._field.setPlaceholderText(tr("OWNER/REPO or OWNER/REPO/FILE.gguf, or the link of its page"))
        self._state = plain_label("hubAddressState")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._open = buttons.button(QDialogButtonBox.StandardButton.Open)
        self._open.setObjectName("hubAddressOpen")
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setObjectName("hubAddressCancel")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(10)
        for widget in (words, self._field, self._state, buttons):
            column.addWidget(widget)
        self._field.textChanged.connect(self._check)
        self._check("")
        resize_dialog(self, QSize(_DIALOG_WIDTH, self.sizeHint().height()))

    def accept(self) -> None:
        """Hand the address on."""
        address = hub_address(self._field.text())
        if address is not None:
            super().accept()
            self.given.emit(str(address))

    def _check(self, text: str) -> None:
        address = hub_address(text)
        self._open.setEnabled(address is not None)
        if address is not None:
            self._state.setText(f"✓ {address}")
        else:
            self._state.setText(tr("Not an address yet: owner and repository are needed.") if text.strip() else " ")
        set_role(self._state, "good" if address else "muted")
