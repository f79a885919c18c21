"""The page Serve: the models of this computer for other programs, on or off, where, with what key, and who asks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QHideEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.core.errors import HeftError
from desktop.core.words import tr
from desktop.services.kept_key import Place
from desktop.services.serve.service import Phase, ServeService, ServeState
from desktop.services.serve.snippets import example_model
from desktop.services.serve.state_words import PHASES, reach_words
from desktop.store import options
from desktop.store.settings import Changed, SettingsStore
from desktop.ui.serve import actions
from desktop.ui.serve.address_card import AddressCard
from desktop.ui.serve.asking import LogDialog, ask_network, ask_new_key, ask_web_page
from desktop.ui.serve.connect_card import ConnectCard
from desktop.ui.serve.models_card import ModelsCard
from desktop.ui.serve.notice import ServeNotice
from desktop.ui.serve.requests_card import RequestsCard
from desktop.ui.serve.watch import ServeView, ServeWatch
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shared.toggle import ToggleSwitch
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme, set_role

_OPENING = "who may reach the server"  # the queue of what changes that
_HEAD = 620  # pixels that what is said and what is offered at the top need beside each other, whatever is said
_PAIR = 960  # and address and connecting lines
_MARKS: dict[Phase, str] = {"off": "○", "starting": "◐", "on": "●", "failed": "✕"}
_ROLES: dict[Phase, str] = {"off": "muted", "starting": "muted", "on": "good", "failed": "bad"}


class ServePage(Page):
    """Shows what its watch sees. Whatever switches, asks the keyring or looks through models happens in lanes."""

    models_asked = Signal()  # a model to serve is to be found

    def __init__(
        self,
        service: ServeService,
        watch: ServeWatch,
        settings: SettingsStore,
        tasks: Tasks,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, actions.SERVE_ACTIONS)
        self.setObjectName("servePage")
        self._service, self._watch, self._settings, self._tasks = service, watch, settings, tasks
        self._state = service.state
        self._working = False  # a switch is under way
        self._next: Callable[[], object] | None = None  # what was asked for meanwhile
        self._log: LogDialog | None = None
        self._connect_actions()
        self._switch = ToggleSwitch(theme, "serveSwitch", tr("Serve other programs"))
        self._switch.setToolTip(actions.SWITCH.tip)
        self._switch.clicked.connect(lambda: self.commands.trigger(actions.SWITCH))
        self._notice = ServeNotice(self.commands)
        self._address = AddressCard(self.commands, theme)
        self._connect = ConnectCard(self.commands, theme)
        self._models = ModelsCard(self.commands, theme)
        self._requests = RequestsCard(self.commands, theme)
        self._build()
        self._notice.settings_asked.connect(self.settings_asked)
        self._models.table.load_asked.connect(lambda: self.commands.trigger(actions.LOAD, aloud=True))
        self._models.table.unload_asked.connect(lambda: self.commands.trigger(actions.UNLOAD, aloud=True))
        self._models.table.model_changed.connect(self._offer)
        watch.state_changed.connect(self._show_state)
        watch.seen.connect(self._show_view)
        watch.failed.connect(self.notify)
        self._show_rule()
        self._show_state(service.state)

    def shown(self) -> None:
        """Look at everything, and go on looking."""
        self._watch.show_models(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """What nobody sees is not looked through; a key that was shown is hidden."""
        super().hideEvent(event)
        self._watch.show_models(False)
        self._address.hide_key()

    def option_changed(self, change: Changed) -> None:
        """Another time after which models go."""
        if change.option is options.SERVE_IDLE_MINUTES:
            self._show_rule()

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(self._head())
        column.addWidget(self._notice)
        column.addWidget(Beside(self._address, self._connect, needs=_PAIR, spacing=12))
        column.addWidget(self._models, 1)
        column.addWidget(self._requests, 1)
        scroll = QScrollArea()
        scroll.setObjectName("serveScroll")
        scroll.setAccessibleName(tr("Serve"))
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _head(self) -> QWidget:
        title = QLabel(tr("Serve"))
        set_role(title, "title")
        self._phase = plain_label("servePhase", wraps=False)
        self._reach = plain_label("serveReach", "muted", wraps=False)
        self._network = self.commands.button(actions.OPEN_NETWORK, "serveNetwork")
        said, offered = QWidget(), QWidget()
        words, buttons = QHBoxLayout(said), QHBoxLayout(offered)
        for row in (words, buttons):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(10)
        for widget in (title, self._switch, self._phase, self._reach):
            words.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        words.addStretch(1)
        buttons.addWidget(self._network)
        buttons.addWidget(self.commands.button(actions.WEB_PAGE, "serveWebPage"))
        return Beside(said, offered, needs=_HEAD, stretch=(1, 0))

    def _connect_actions(self) -> None:
        for action, call in (
            (actions.SWITCH, self._switch_over),
            (actions.TRY_AGAIN, lambda: self._run(self._service.switch_on)),
            (actions.STOP_OTHER, lambda: self._run(self._service.take_over)),
            (actions.OPEN_NETWORK, self._network_over),
            (actions.WEB_PAGE, self._web_page_over),
            (actions.COPY_ADDRESS, self._copy_address),
            (actions.SHOW_KEY, self._show_key),
            (actions.COPY_KEY, lambda: self._with_key(self._copy_key)),
            (actions.NEW_KEY, lambda: ask_new_key(self, self._new_key)),
            (
                actions.COPY_LINES,
                lambda: self.notify.emit(tr("The lines for {copy} are copied.", copy=self._connect.copy())),
            ),
            (actions.LOAD, self._load),
            (actions.UNLOAD, self._unload),
            (actions.SETTINGS, lambda: self.settings_asked.emit("serve")),
            (actions.LOG, self._show_log),
            (actions.FIND_MODELS, self.models_asked.emit),
        ):
            self.commands.connect_to(action, call)

    # -- what is shown ---------------------------------------------------------------------------

    def _show_state(self, state: ServeState) -> None:
        self._state = state
        phase = state.phase
        set_role(self._phase, _ROLES[phase])
        self._phase.setText(f"{_MARKS[phase]} {PHASES[phase]}")
        self._reach.setText(reach_words(state.network) if phase in ("on", "starting") else "")
        self._switch.setChecked(phase in ("on", "starting"))
        self._network.setText(tr("This computer only") if state.network else tr("Open to the network…"))
        self._network.setAccessibleName(
            tr("Let only this computer use your models") if state.network else tr("Let other computers use your models")
        )
        focused = self._notice.focusWidget()
        had_keyboard = focused is not None and focused.hasFocus()
        self._notice.show_state(state)
        if had_keyboard and not focused.isVisible():  # what was pressed is gone: the switch says the same
            self._switch.setFocus(Qt.FocusReason.OtherFocusReason)
        self._address.show_address(state.address)
        if phase == "on":  # so there is a key
            self._address.show_place(self._service.key.place)
        self._connect.show_target(state.address, self._connect.model)
        self.commands.allow(actions.ON, phase == "on")
        self.commands.allow(actions.FAILED, phase == "failed")
        self.commands.allow(actions.OTHER_SERVES, state.elsewhere)
        self._offer()

    def _show_view(self, view: ServeView) -> None:
        if view.models is not None:
            self._models.show_models(view.models)
            self._connect.show_target(self._state.address, example_model(view.models))
        self._requests.show_requests(view.requests, view.now, on=self._state.phase == "on")
        if self._log is not None:
            self._log.show_lines(self._service.log.lines())
        self._offer()

    def _offer(self) -> None:
        before = QApplication.focusWidget()
        found = self._models.table.current_model
        loaded = found is not None and found.phase != "unloaded"
        self.commands.allow(actions.CAN_LOAD, found is not None and not loaded)
        self.commands.allow(actions.CAN_UNLOAD, loaded)
        self._models.keep_keyboard(before)

    def _show_rule(self) -> None:
        self._models.show_rule(self._settings.get(options.SERVE_IDLE_MINUTES))

    def _show_log(self) -> None:
        self._log = LogDialog(self)
        self._log.destroyed.connect(self._forget_log)
        self._log.show_lines(self._service.log.lines())
        self._log.open()

    def _forget_log(self) -> None:
        self._log = None

    # -- what is done ----------------------------------------------------------------------------

    def _switch_over(self) -> None:
        serving = self._state.phase in ("on", "starting")
        self._run(self._service.switch_off if serving else self._service.switch_on)

    def _run(self, call: Callable[[], object]) -> None:
        """Switch, in the background; one after the other, and of those asked for meanwhile only the last.

        The buttons stay: a disabled one would lose the keyboard.
        """
        if self._working:
            self._next = call
            self._show_state(self._state)  # the switch has moved already
            return
        self._working = True
        self._tasks.run(
            lambda context: call(), done=lambda _: self._done(), failed=self._failed, lane=Lane.COMMAND, owner=self
        )

    def _done(self) -> None:
        self._working = False
        self._show_state(self._service.state)
        call, self._next = self._next, None
        if call is not None:
            self._run(call)

    def _failed(self, error: HeftError) -> None:
        self._done()
        self.notify.emit(error)

    def _quietly(self, call: Callable[[], object], queue: str = "") -> None:
        """Do it in the background; what fails is told. Of one ``queue`` one after the other: the last one counts."""
        self._tasks.run(lambda _: call(), failed=self.notify.emit, lane=Lane.COMMAND, owner=self, queue=queue)

    def _network_over(self) -> None:
        if self._state.network:
            self._quietly(lambda: self._service.open_to_network(False), _OPENING)
        else:
            ask_network(self, lambda: self._quietly(lambda: self._service.open_to_network(True), _OPENING))

    def _web_page_over(self) -> None:
        address, offered = self._state.address, self._state.web_page
        open_it = (lambda: QDesktopServices.openUrl(QUrl(address))) if self._state.phase == "on" else None
        switch = lambda: self._service.set_web_page(not offered)  # noqa: E731
        ask_web_page(self, offered, open_it, lambda: self._quietly(switch, _OPENING))

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(self._address.address)
        self.notify.emit(tr("The address is copied."))

    def _with_key(self, use: Callable[[str], object]) -> None:
        """Ask for the key, which may take its time, and use it."""

        def have(found: tuple[str, Place]) -> None:
            self._address.show_place(found[1])
            use(found[0])

        key = self._service.key
        self._tasks.run(
            lambda context: (key.get(), key.place), done=have, failed=self._no_key, lane=Lane.COMMAND, owner=self
        )

    def _no_key(self, error: HeftError) -> None:
        self._address.hide_key()
        self.notify.emit(error)

    def _show_key(self) -> None:
        if self._address.key_is_seen:
            self._address.hide_key()
        else:
            self._with_key(self._address.show_key)

    def _copy_key(self, key: str) -> None:
        QGuiApplication.clipboard().setText(key)
        self.notify.emit(tr("The key is copied."))

    def _new_key(self) -> None:
        def made(_: object) -> None:
            self._address.hide_key()
            self.notify.emit(tr("There is a new key; programs that have the old one are refused."))

        self._tasks.run(
            lambda context: self._service.new_key(), done=made, failed=self.notify.emit, lane=Lane.COMMAND, owner=self
        )

    def _load(self) -> None:
        if (found := self._models.table.current_model) is not None:
            self._quietly(lambda: self._service.load(found.model))

    def _unload(self) -> None:
        if (found := self._models.table.current_model) is not None:
            self._quietly(lambda: self._service.unload(found.model))
