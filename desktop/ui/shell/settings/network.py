"""The page Network: the proxy of one's own, and those of the system."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from desktop.core.words import tr
from desktop.hub.past_proxy import addresses_past_proxies
from desktop.services.network import system_proxies
from desktop.store import options
from desktop.ui.shell.settings.rows import SettingsPane
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme


class NetworkPane(SettingsPane):
    """A row, and what the system says."""

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks) -> None:
        super().__init__(writer, theme)
        self._tasks = tasks
        self.add_card("settingsProxy", tr("Proxy"), (options.PROXY,))
        card = self.add_card("settingsSystemProxies", tr("What the system says"))
        self._system: QLabel = card.add_line("settingsSystemProxiesText", "", "muted")
        self._which: QLabel = card.add_line("settingsProxyInForce")
        writer.changed.connect(lambda change: self._show_which() if change.option is options.PROXY else None)
        self._named = False
        self.column.addStretch(1)
        self._show_which()

    def shown(self) -> None:
        """Look at environment and system again."""
        self._tasks.run(lambda context: _system_words(), done=self._show_system, lane=Lane.JOB, owner=self)

    def _show_system(self, told: tuple[str, bool]) -> None:
        words, self._named = told
        self._system.setText(words)
        self._show_which()

    def _show_which(self) -> None:
        if self.options.get(options.PROXY):
            self._which.setText(tr("Requests to the Hub go through your proxy."))
        elif self._named:
            self._which.setText(tr("Requests to the Hub go through the system's proxy."))
        else:
            self._which.setText(tr("Requests go to the Hub directly."))


def _system_words() -> tuple[str, bool]:
    """The system's proxies in words, and whether there are any."""
    found = system_proxies()
    lines = [f"{p.scheme}: {p.address} ({p.variable or tr('from the system')})" for p in found]
    past = addresses_past_proxies()
    words = lines or [tr("It names no proxy.")]
    direct = (
        [tr("Reached without any proxy, because the variable NO_PROXY lists them: {past}", past=past)] if past else []
    )
    return "\n".join([*words, *direct]), bool(found)
