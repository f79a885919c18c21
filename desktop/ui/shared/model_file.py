"""Asking for a model file, without blocking anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop.core.words import tr


def ask_model_file(window: QWidget, chosen: Callable[[Path], object]) -> None:
    """Open the dialog; ``chosen`` gets the file."""
    dialog = QFileDialog(window, tr("Open a model"), "", tr("Models (*.gguf)"))
    dialog.setObjectName("openModelDialog")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda name: chosen(Path(name)))
    dialog.open()
