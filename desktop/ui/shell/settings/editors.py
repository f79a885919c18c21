"""The control of an option, by its kind: it shows a value and tells what a person makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.store.option_kinds import Address, ByteSize, Choice, Folder, Folders, Kind, Switch, Whole
from desktop.store.options import Option
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.number_fields import DecimalField, WholeField
from desktop.ui.shared.signals import calling
from desktop.ui.shared.toggle import ToggleSwitch
from desktop.ui.shared.wheel import leave_wheel
from desktop.ui.shell.theme import Theme, set_role

_NUMBER_WIDTH = 150
_TYPED_MS = 400  # a number that is being typed counts when the typing pauses
_GB = 1e9


class OptionEditor(QWidget):
    """Shows one option's value. ``edited`` comes with what a person chose, ``refused`` with what cannot be taken."""

    edited = Signal(object)
    refused = Signal(str)  # why what was typed does not count; "" when it does
    WIDE = False  # whether it stands below its words, as wide as the page

    def show_value(self, value: Any) -> None:
        """Show a value; emits nothing."""
        raise NotImplementedError


class _Inside(OptionEditor):
    """An editor that is one control."""

    def _hold(self, control: QWidget, option: Option[Any]) -> None:
        control.setObjectName(f"option_{option.key}")
        control.setAccessibleName(option.label)
        control.setAccessibleDescription(option.explanation)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(control)
        self.setFocusProxy(control)


class SwitchEditor(_Inside):
    """On or off."""

    def __init__(self, option: Option[bool], theme: Theme) -> None:
        super().__init__()
        self._switch = ToggleSwitch(theme, "", option.label)
        self._hold(self._switch, option)
        self._switch.clicked.connect(self._clicked)

    def _clicked(self, checked: bool) -> None:
        self.edited.emit(checked)

    def show_value(self, value: bool) -> None:
        """Show a value; emits nothing."""
        self._switch.setChecked(value)


class ChoiceEditor(_Inside):
    """One of a few words."""

    def __init__(self, option: Option[str], kind: Choice[str]) -> None:
        super().__init__()
        self._box = QComboBox()
        leave_wheel(self._box)
        for value, word in kind.choices:
            self._box.addItem(word, value)
        self._hold(self._box, option)
        self._box.activated.connect(lambda index: self.edited.emit(self._box.itemData(index)))

    def show_value(self, value: str) -> None:
        """Show a value; emits nothing."""
        self._box.setCurrentIndex(self._box.findData(value))


class _NumberEditor(_Inside):
    """A number that counts when the typing pauses, or the field is left."""

    def _watch(self, field: DecimalField | WholeField) -> None:
        self._silent = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPED_MS)
        self._pause.timeout.connect(self._tell)
        field.valueChanged.connect(self._typed)
        field.editingFinished.connect(self._left)

    def _typed(self) -> None:
        if not self._silent:
            self._pause.start()

    def _left(self) -> None:
        if self._pause.isActive():
            self._pause.stop()
            self._tell()

    def _tell(self) -> None:
        self.edited.emit(self._number())

    def _number(self) -> int:
        raise NotImplementedError


class WholeEditor(_NumberEditor):
    """A whole number."""

    def __init__(self, option: Option[int], kind: Whole) -> None:
        super().__init__()
        self._field = WholeField(kind.high, kind.zero if kind.low == 0 else "", low=kind.low, counts=kind.counts)
        self._field.setMinimumWidth(_NUMBER_WIDTH)
        self._hold(self._field, option)
        self._watch(self._field)

    def show_value(self, value: int) -> None:
        """Show a value; emits nothing."""
        self._silent = True
        self._field.setValue(value)
        self._silent = False

    def _number(self) -> int:
        return self._field.value()


class ByteSizeEditor(_NumberEditor):
    """An amount of memory, in GB."""

    def __init__(self, option: Option[int], kind: ByteSize) -> None:
        super().__init__()
        self._field = DecimalField(kind.high / _GB, 0.1)
        self._field.setSuffix(" GB")
        self._field.setMinimumWidth(_NUMBER_WIDTH)
        self._hold(self._field, option)
        self._watch(self._field)

    def show_value(self, value: int) -> None:
        """Show a value; emits nothing."""
        self._silent = True
        self._field.setValue(value / _GB)
        self._silent = False

    def _number(self) -> int:
        return round(self._field.value() * _GB)


class AddressEditor(_Inside):
    """An address, or nothing; it counts when the field is left, and stays to be mended when it is none."""

    WIDE = True

    def __init__(self, option: Option[str], kind: Address) -> None:
        super().__init__()
        self._kind = kind
        self._shown = ""
        self._field = QLineEdit()
        self._field.setPlaceholderText(kind.empty)
        self._field.setClearButtonEnabled(True)
        self._hold(self._field, option)
        self._field.editingFinished.connect(self._left)

    def show_value(self, value: str) -> None:
        """Show a value; emits nothing."""
        self._shown = value
        self._field.setText(value)
        self.refused.emit("")

    def _left(self) -> None:
        text = self._field.text()
        try:
            value = self._kind.parsed(text)
        except ValueError:
            self.refused.emit(tr("This is not taken. It has to be {accepts}.", accepts=self._kind.accepts))
            return
        self.refused.emit("")
        if value != self._shown:
            self._shown = value
            self.edited.emit(value)


class FolderEditor(OptionEditor):
    """One folder, or what stands in its place."""

    WIDE = True

    def __init__(self, option: Option[str], kind: Folder) -> None:
        super().__init__()
        self._empty = kind.empty
        self._path = ElidedLabel()
        self._path.setObjectName(f"option_{option.key}_path")
        self._path.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        choose = push_button(
            tr("Choose…"), f"option_{option.key}", option.explanation, spoken=tr("{label}: choose", label=option.label)
        )
        choose.clicked.connect(self._choose)
        self._title = option.label
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._path, 1)
        row.addWidget(choose)
        self.setFocusProxy(choose)

    def show_value(self, value: str) -> None:
        """Show a value; emits nothing."""
        self._path.set_whole_text(value or f"{self._empty[0].upper()}{self._empty[1:]}")

    def _choose(self) -> None:
        ask_folder(self, self._title, self.edited.emit)


class FoldersEditor(OptionEditor):
    """Any number of folders."""

    WIDE = True

    def __init__(self, option: Option[tuple[str, ...]]) -> None:
        super().__init__()
        self._key = option.key
        self._folders: tuple[str, ...] = ()
        self._rows: list[QWidget] = []
        self._none = plain_label(f"option_{option.key}_none", "muted", tr("None"))
        add = push_button(
            tr("Add folder…"), f"option_{option.key}", tr("A folder that holds models, or has some below it")
        )
        add.clicked.connect(self._add)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._none)
        self._column.addWidget(add, 0, Qt.AlignmentFlag.AlignLeft)
        self.setFocusProxy(add)

    def show_value(self, value: tuple[str, ...]) -> None:
        """Show a value; emits nothing."""
        self._folders = value
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [self._row(number, folder) for number, folder in enumerate(value)]
        for number, row in enumerate(self._rows):
            self._column.insertWidget(number, row)
        self._none.setVisible(not value)

    def _row(self, number: int, folder: str) -> QWidget:
        made = QWidget()
        path = ElidedLabel(folder)
        path.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        missing = "" if Path(folder).is_dir() else tr("not there now")
        remove = push_button(
            tr("Remove"), f"option_{self._key}_remove{number}", spoken=tr("Remove {folder}", folder=folder)
        )
        set_role(remove, "small")
        remove.clicked.connect(calling(self._remove, folder))
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(path, 1)
        if missing:
            row.addWidget(plain_label(f"option_{self._key}_missing{number}", "warn", missing, wraps=False))
        row.addWidget(remove)
        return made

    def _remove(self, folder: str, _checked: bool = False) -> None:
        self.edited.emit(tuple(known for known in self._folders if known != folder))

    def _add(self) -> None:
        ask_folder(self, tr("Add a folder that holds models"), self._added)

    def _added(self, folder: str) -> None:
        if folder not in self._folders:
            self.edited.emit((*self._folders, folder))


def ask_folder(parent: QWidget, title: str, chosen: Callable[[str], None]) -> None:
    """Ask for a folder without blocking anything; ``chosen`` is called with its path."""
    dialog = QFileDialog(parent, title)
    dialog.setObjectName("chooseFolderDialog")
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(chosen)
    dialog.open()


def editor_for(option: Option[Any], theme: Theme) -> OptionEditor:
    """The control of an option. TypeError for a kind that nobody edits."""
    kind: Kind[Any] = option.kind
    match kind:
        case Switch():
            return SwitchEditor(option, theme)
        case Choice():
            return ChoiceEditor(option, kind)
        case Whole():
            return WholeEditor(option, kind)
        case ByteSize():
            return ByteSizeEditor(option, kind)
        case Address():
            return AddressEditor(option, kind)
        case Folder():
            return FolderEditor(option, kind)
        case Folders():
            return FoldersEditor(option)
        case _:
            raise TypeError(f"{option.key} has no control")
