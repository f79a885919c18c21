"""The loaded model: its name, a menu to take another one, and the progress of loading with a way to stop it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.text import plain_tooltip
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.engine.supervisor import EngineState
from desktop.services.models.kind_words import kind_note
from desktop.ui.chat.actions import OTHER_SERVERS
from desktop.ui.chat.server_models import add_servers
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.model_titles import menu_title
from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.services.endpoints.service import Tested
    from desktop.store.library import LibraryModel

MOST_LISTED = 15  # a menu is for the models in use; the Library page lists them all
_NAME_CHARACTERS = 44


class ModelMenu(QWidget):
    """Shows what the engine holds and asks for another model by signals."""

    model_chosen = Signal(object)  # LibraryModel
    elsewhere_chosen = Signal(str)  # endpoint:NAME/MODEL
    servers_asked = Signal()  # other servers are to be added or changed
    file_asked = Signal()
    cancel_asked = Signal()
    list_asked = Signal()  # the menu is about to show: look for models

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = ""
        self.setObjectName("modelMenu")
        self._button = QPushButton()
        self._button.setObjectName("modelButton")
        self._button.setIconSize(QSize(14, 14))
        self._button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the name
        self._button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._models: Sequence[LibraryModel] | None = None
        self._servers: Sequence[Tested] = ()
        self._menu = QMenu(self)
        self._menu.setObjectName("models")
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self.list_asked)
        self._button.clicked.connect(self.open_menu)
        self._bar = QProgressBar()
        self._bar.setObjectName("loadProgress")
        self._bar.setAccessibleName(tr("Loading progress"))
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 100)
        self._said = QLabel()
        self._said.setObjectName("loadText")
        self._said.setProperty("role", "muted")
        self._cancel = push_button(tr("Cancel"), "cancelLoad", spoken=tr("Cancel loading the model"), role="ghost")
        self._cancel.clicked.connect(self.cancel_asked)
        line = QHBoxLayout()
        line.addWidget(self._said, 1)
        line.addWidget(self._cancel)
        self._loading = QWidget()
        below = QVBoxLayout(self._loading)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(2)
        below.addWidget(self._bar)
        below.addLayout(line)
        self._asleep = plain_label("modelAsleep", "muted", text=tr("asleep, wakes with your next question"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._button)
        column.addWidget(self._loading)
        column.addWidget(self._asleep)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()
        self.set_models(None)
        self.set_state(EngineState())

    def set_state(self, state: EngineState) -> None:
        """Show name, loading progress or that nothing is loaded."""
        self._name = state.model_name
        loading = state.phase in ("starting", "loading")
        asleep = state.phase == "asleep"
        held = state.loaded is not None or loading or asleep
        percent = round(state.progress * 100)
        self._loading.setVisible(loading)
        self._asleep.setVisible(asleep)
        self._bar.setValue(percent)
        words = tr("Waiting for other programs' answers") if state.lent else tr("Loading, {percent}%", percent=percent)
        self._said.setText(tr("Connecting to {endpoint}…", endpoint=state.endpoint) if state.endpoint else words)
        self._bar.setRange(0, 0 if state.endpoint and loading else 100)
        name = tr("{name} on {endpoint}", name=self._name, endpoint=state.endpoint) if state.endpoint else self._name
        whole = name if held and self._name else tr("Choose a model")
        detail = state.loaded.description if state.loaded is not None else ""
        self._button.setToolTip("\n".join(part for part in (whole, detail, state.model_path or "") if part))
        said = tr("Model: {whole}, asleep", whole=whole) if asleep else tr("Model: {whole}", whole=whole)
        self._button.setAccessibleName(said if held else tr("Choose a model"))
        self._whole = whole
        self._cut()

    def set_models(self, models: Sequence[LibraryModel] | None) -> None:
        """Fill the menu: the models last used first; None while they are being looked for."""
        self._models = models
        self._fill()

    def set_servers(self, servers: Sequence[Tested]) -> None:
        """The other servers with what they offer, below the models of this computer."""
        if servers != self._servers:
            self._servers = servers
            self._fill()

    def _fill(self) -> None:
        models, at = self._models, self._menu.activeAction()
        before = at.text() if at is not None else ""
        self._menu.clear()
        if models is None:
            self._menu.addAction(tr("Looking for models…")).setEnabled(False)
        else:
            recent = sorted(
                models,
                key=lambda m: (-(m.last_used or 0.0), bool(m.problem) or not m.kind.writes_text, m.title.casefold()),
            )
            for model in recent[:MOST_LISTED]:
                self._menu.addAction(self._action(model))
            if not models:
                self._menu.addAction(tr("No models found on this computer")).setEnabled(False)
            elif len(models) > MOST_LISTED:
                more = tr("{models} more on the Library page", models=len(models) - MOST_LISTED)
                self._menu.addAction(more).setEnabled(False)
        add_servers(self._menu, self._servers, self.elsewhere_chosen.emit)
        self._menu.addSeparator()
        self._menu.addAction(tr("Open file…"), self.file_asked.emit)
        self._menu.addAction(OTHER_SERVERS.short, self.servers_asked.emit)
        found = next((action for action in self._menu.actions() if before and action.text() == before), None)
        if found is not None:  # what came meanwhile does not move who chooses by keyboard
            self._menu.setActiveAction(found)

    def open_menu(self) -> None:
        """Show the menu below the button."""
        self._menu.popup(self._button.mapToGlobal(self._button.rect().bottomLeft()))

    @property
    def loading(self) -> bool:
        """Whether a model is being loaded."""
        return not self._loading.isHidden()

    @property
    def menu(self) -> QMenu:
        """The menu, for tests and shortcuts."""
        return self._menu

    def _action(self, model: LibraryModel) -> QAction:
        action = QAction(menu_title(model, _NAME_CHARACTERS), self._menu)
        action.setToolTip(
            plain_tooltip(
                model.problem
                or kind_note(model.kind)
                or f"{model.title}\n{human_bytes(model.size_bytes)} · {model.path}"
            )
        )
        action.setEnabled(not model.problem and model.kind.writes_text)
        action.triggered.connect(lambda: self.model_chosen.emit(model))
        return action

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the name to the new width."""
        super().resizeEvent(event)
        self._cut()

    def changeEvent(self, event: QEvent) -> None:
        """The font decides how much of the name fits."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._cut()

    def _cut(self) -> None:
        room = self.width() - 44  # padding of the button and its arrow
        shown = self._button.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(40, room))
        self._button.setText(shown.replace("&", "&&"))

    def _paint_icon(self) -> None:
        self._button.setIcon(icon(self._theme, f"chevron-down-{self._theme.scheme}", size=14))
