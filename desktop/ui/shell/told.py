"""What services say by themselves, brought to the GUI thread: from there at once, from other threads in their turn."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from desktop.core.errors import HeftError


class Told(QObject):
    """``say`` may be called from any thread; ``hear`` is called on the thread that this was made on."""

    _said = Signal(object)

    def __init__(self, hear: Callable[[HeftError], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hear = hear
        self._said.connect(self._take)

    def say(self, error: HeftError) -> None:
        """Tell the person."""
        self._said.emit(error)

    @Slot(object)
    def _take(self, error: HeftError) -> None:
        self._hear(error)
