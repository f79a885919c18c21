"""One line below the reasons: where else the variant in view would do better, and the way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError
from desktop.core.settings_pages import SettingsPage
from desktop.core.words import tr
from desktop.services.discover.elsewhere_words import shared_words, suggestion_words
from desktop.services.discover.picker_records import View
from desktop.ui.discover.repo import RepoPane
from desktop.ui.discover.weighing import Weighing
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shell.tasks import Lane, Task, Tasks

if TYPE_CHECKING:
    from desktop.services.discover.elsewhere import Elsewhere, ElsewhereService, Suggestion

_NEEDS = 560  # pixels that the words and the buttons need beside each other


class ElsewhereLine(QWidget):
    """Follows the repo in view and the variant that is meant; weighs off the GUI thread, hidden with nothing to say."""

    chat_asked = Signal(str)  # identity of another server's model
    settings_asked = Signal(str)  # SettingsPage

    def __init__(
        self, service: Callable[[], ElsewhereService], tasks: Tasks, repo: RepoPane, weighing: Weighing
    ) -> None:
        super().__init__()
        self.setObjectName("elsewhere")
        self.setAccessibleName(tr("Other computers"))
        self._service, self._tasks, self._repo, self._weighing = service, tasks, repo, weighing
        self._found: Elsewhere | None = None
        self._looking: Task | None = None
        self._summoning: Task | None = None
        self._outdated = False  # other figures came while these were weighed
        self._act: Callable[[], None] = lambda: None
        self._chat: Callable[[], None] = lambda: None
        self._words = plain_label("elsewhereWords", selectable=True)
        self._words.setMinimumWidth(1)
        self._words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._use = push_button("", "elsewhereRemedy", role="small")
        self._use.clicked.connect(self._press)
        self._there = push_button(tr("Chat with it there"), "elsewhereChatRemedy", role="small")
        self._there.clicked.connect(self._press_chat)
        offered = QWidget()
        buttons = QHBoxLayout(offered)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(6)
        for button in (self._use, self._there):
            buttons.addWidget(button)
        buttons.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Beside(self._words, offered, needs=_NEEDS, stretch=(1, 0), spacing=6))
        self.hide()
        repo.show_beside(self)
        weighing.opened.connect(self._opened)
        weighing.changed.connect(self._look)
        for chosen in (repo.table.row_chosen, repo.chart.chosen, repo.models.chosen):
            chosen.connect(lambda _: self._say())

    def _press(self) -> None:
        self._act()

    def _press_chat(self) -> None:
        self._chat()

    def _opened(self, _view: View) -> None:
        self._stop()
        self._found = None
        self.hide()

    def _look(self, view: View) -> None:
        """Weigh each way by what is known now, one look at a time: figures come fast while a repo is read."""
        repo = self._weighing.repo
        if repo is None or view.shape is None:
            return
        if self._looking is not None:
            self._outdated = True
            return
        controls = self._repo.controls.controls
        self._looking = self._tasks.run(
            lambda context: self._service().look(repo, controls),
            done=self._show, failed=self._failed, lane=Lane.JOB, owner=self,
        )  # fmt: skip

    def _stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking, self._outdated = None, False

    def _show(self, found: Elsewhere) -> None:
        self._found = found
        self._say()
        self._go_on()

    def _failed(self, error: HeftError) -> None:
        self._found = None
        self.hide()
        if not isinstance(error, CancelledError):
            self._go_on()

    def _go_on(self) -> None:
        outdated, view = self._outdated, self._repo.view
        self._stop()
        if outdated and view is not None:
            self._look(view)

    def _say(self) -> None:
        found = self._found
        if found is None:
            return
        row = self._repo.rows.at(self._repo.chosen)
        variant = row.variant.name if row is not None else ""
        if found.shared or found.gone:
            self._there.hide()
            self._offer(
                shared_words(found, variant), tr("Weigh it here alone"), lambda: self._repo.controls.use_devices("")
            )
            return
        if found.struggles(variant) and (self._summoning is None or not self._summoning.running):
            self._summoning = self._tasks.run(lambda context: self._service().summon(), lane=Lane.NETWORK, owner=self)
        suggestion = found.suggestion(variant)
        if suggestion is None:
            self.hide()
            return
        offer = next(iter(suggestion.offers), None)
        self._there.setVisible(offer is not None)
        if offer is not None:
            self._chat = lambda: self.chat_asked.emit(offer.identity)
        text, act = self._remedy(suggestion)
        self._offer(suggestion_words(suggestion), text, act)

    def _remedy(self, suggestion: Suggestion) -> tuple[str, Callable[[], None]]:
        way = suggestion.way
        if way is None:
            return "", lambda: None
        if way.kind == "split":
            return tr("Share it"), lambda: self._repo.controls.use_devices(way.devices)
        return tr("Other servers…"), lambda: self._open("endpoints")

    def _open(self, page: SettingsPage) -> None:
        self.settings_asked.emit(page)

    def _offer(self, words: str, text: str, act: Callable[[], None]) -> None:
        self._act = act
        self._words.setText(words)
        self._use.setText(text)
        self._use.setAccessibleName(text)
        self._use.setVisible(bool(text))
        self.show()
