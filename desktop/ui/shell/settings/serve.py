"""The page Serve: where other programs reach the models, from when on, and for how long one stays loaded."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.store import options
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.theme import Theme

_NETWORK = tr("Only this computer reaches the server, unless you open it to the network on the page Serve.")


class ServePane(SettingsPane):
    """Rows, and who reaches the server."""

    def __init__(self, writer: OptionWriter, theme: Theme) -> None:
        super().__init__(writer, theme)
        card = self.add_card(
            "settingsServe",
            tr("The server for other programs"),
            (options.SERVE_PORT, options.SERVE_AT_START, options.SERVE_WEB_PAGE, options.SERVE_REQUEST_MEGABYTES),
        )
        card.add_line("settingsServeNetwork", _NETWORK, "muted")
        self.add_card("settingsServedModels", tr("Models"), (options.SERVE_IDLE_MINUTES,))
        self.column.addStretch(1)
