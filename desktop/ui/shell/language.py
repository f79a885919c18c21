"""Qt's own words (buttons of its dialogs) in the language of the window."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QTranslator
from PySide6.QtWidgets import QApplication

from desktop.core.words import ENGLISH, language


def translate_qt(application: QApplication) -> bool:
    """Whether there are any; they live as long as the application."""
    if language() == ENGLISH:
        return False
    translator = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    return translator.load(f"qtbase_{language()}", folder) and application.installTranslator(translator)
