"""The page General: appearance, start, how numbers are written, and what is sent where."""

from __future__ import annotations

from desktop.core.units import human_count, human_decimal
from desktop.core.words import tr
from desktop.store import options
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.theme import Theme

_NUMBERS = tr(
    "Numbers look the same in every language: {human_count} tokens, a temperature of "
    "{human_decimal}. Fields take a point or a comma before the decimals: 0.3 and 0,3 "
    "are the same.",
    human_count=human_count(16384),
    human_decimal=human_decimal(0.7, 2),
)
_PRIVACY = (
    tr("What you type, your chats and your files stay on this computer. There is no telemetry and no account."),
    tr(
        "The Hub is asked only when you open the page Discover, search or look at a model "
        "there, open one of its files in Inspect, or fetch one. It is told the words of the "
        "search, the names of repos and files, and Heft's version; your token, where there "
        "is one, goes to the address on the page Hub and nowhere else."
    ),
)


class GeneralPane(SettingsPane):
    """Rows and two texts."""

    def __init__(self, writer: OptionWriter, theme: Theme) -> None:
        super().__init__(writer, theme)
        shown = (options.THEME, options.LANGUAGE, options.LOAD_AT_START)
        self.add_card("settingsLook", tr("Appearance and start"), shown)
        self.add_card("settingsNumbers", tr("Numbers")).add_line("settingsNumbersText", _NUMBERS, "muted")
        privacy = self.add_card("settingsPrivacy", tr("Privacy"))
        for number, text in enumerate(_PRIVACY):
            privacy.add_line(f"settingsPrivacyText{number}", text, "muted")
        self.column.addStretch(1)
