"""The keyboard in the settings, which are a window of their own."""

from __future__ import annotations

from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shell.action import Declared, WidgetKeys

FIND = WidgetKeys("Find a setting", "settingsDialog", (("Ctrl+F", True),))
CLOSE = WidgetKeys("Close the settings", "settingsDialog", (("Ctrl+W", True),))
INTO_LIST = WidgetKeys("Go to the pages, or to what was found", "settingsSearch", (("Down", True),))

SETTINGS_KEYS: Declared = (FIND, CLOSE, INTO_LIST, CLEAR_SEARCH)
