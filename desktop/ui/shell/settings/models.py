"""The page Models: where Heft looks for models, and where downloads go."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.store import options
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.theme import Theme


class ModelsPane(SettingsPane):
    """Rows only."""

    def __init__(self, writer: OptionWriter, theme: Theme) -> None:
        super().__init__(writer, theme)
        self.add_card(
            "settingsFolders",
            tr("Where Heft looks"),
            (options.LIBRARY_FOLDERS, options.USE_HUGGINGFACE, options.USE_LMSTUDIO, options.USE_OLLAMA),
        )
        self.add_card("settingsDownloads", tr("Downloads"), (options.DOWNLOAD_FOLDER,))
        self.add_card("settingsLab", tr("Measuring"), (options.REFERENCE_CACHE,))
        self.column.addStretch(1)
