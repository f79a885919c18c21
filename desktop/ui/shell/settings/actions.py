"""The keyboard in the settings, which are a window of their own."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shell.action import Declared, WidgetKeys

FIND = WidgetKeys(tr("Find a setting"), "settingsDialog", (("Ctrl+F", True),))
CLOSE = WidgetKeys(tr("Close the settings"), "settingsDialog", (("Ctrl+W", True),))
INTO_LIST = WidgetKeys(tr("Go to the pages, or to what was found"), "settingsSearch", (("Down", True),))

SETTINGS_KEYS: Declared = (FIND, CLOSE, INTO_LIST, CLEAR_SEARCH)
