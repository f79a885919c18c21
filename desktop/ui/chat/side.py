"""The right column of the chat: the model, the live figures, and the settings of the chat in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QInputDialog, QLineEdit, QVBoxLayout, QWidget

from desktop.core.sampling_defaults import OF_SERVER, SamplingDefaults
from desktop.core.words import tr
from desktop.engine.api import Loaded
from desktop.services.chat.events import PromptRead, TextAdded
from desktop.services.chat.sampling import FindDefaults
from desktop.services.engine.supervisor import EngineState
from desktop.store.chats import Chat, Message
from desktop.store.options import Preset
from desktop.store.settings import SettingsStore
from desktop.ui.chat import presets
from desktop.ui.chat.asking import AskingKeeper
from desktop.ui.chat.figures import live_figures, resting_figures
from desktop.ui.chat.fold import Fold
from desktop.ui.chat.live_panel import Figures, LivePanel
from desktop.ui.chat.model_menu import ModelMenu
from desktop.ui.chat.model_settings import ModelSettings
from desktop.ui.chat.presets import ListedPreset
from desktop.ui.chat.sampling_panel import ChatSettings, PresetChoice, SamplingPanel
from desktop.ui.chat.side_keepers import FoldKeeper, PromptKeeper
from desktop.ui.chat.template_note import TemplateNote
from desktop.ui.shared.reflow import DownwardScroll
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.core.load_plan import LoadPlan
    from desktop.core.speed import Speeds
    from desktop.services.models.answer_settings import AnswerSettingsService
    from desktop.services.planning.service import PlanningService

FIGURES_MS = 400
_PRESETS_MS = 50  # reading them would take its share of the interpreter from the first paint


class ChatSide(QFrame):
    """Composes the panels; scrolls when the window is low."""

    context_changed = Signal(int, int)  # tokens used and context length, 0 when unknown

    def __init__(
        self,
        theme: Theme,
        planning: Callable[[], PlanningService],
        sampling: FindDefaults,
        answers: Callable[[], AnswerSettingsService],
        tasks: Tasks,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("chatSide")
        self.model = ModelMenu(theme)
        self.live = LivePanel(theme)
        self.load = ModelSettings(planning, tasks)
        self.load.predicted.connect(self.show_prediction)
        self.asking = AskingKeeper(answers, tasks, self)
        self.template = TemplateNote()
        self.asking.told.connect(self.template.show_asking)
        self.settings = SamplingPanel(theme)
        self._sampling, self._tasks = sampling, tasks
        self._model: Path | str | None = None  # whose defaults are shown, or asked for
        self._figures = Figures()
        self._late = False  # newer figures than those shown
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(FIGURES_MS)
        self._pause.timeout.connect(self._show_late)
        self._loaded: Loaded | None = None
        self._plan: LoadPlan | None = None
        self._planned_bytes: int | None = None
        self._kept_bytes = 0
        inside = QWidget()
        inside.setObjectName("chatSideInside")
        panels = QVBoxLayout(inside)
        panels.setContentsMargins(14, 4, 14, 14)
        panels.setSpacing(14)
        panels.addWidget(self.live)
        self.model_group = Fold(theme, "model", tr("Model"), self.template, self.load)
        panels.addWidget(self.model_group)
        panels.addWidget(self.settings)
        panels.addStretch(1)
        scroll = DownwardScroll("chatSideScroll", tr("Figures and settings"), inside)
        top = QVBoxLayout()
        top.setContentsMargins(14, 12, 14, 10)
        top.addWidget(self.model)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(scroll, 1)

    def show_state(self, state: EngineState, last: Message | None) -> None:
        """Follow the engine; ``last`` is the last answer in view that was measured."""
        self.model.set_state(state)
        if state.plan is not self._plan:
            self._plan = state.plan
            self.show_prediction(None)  # what is shown was said of another model
        self.load.show_state(state)
        if state.endpoint:
            self._model = state.endpoint
            self.settings.set_defaults(OF_SERVER)
        else:
            self._follow_model(state.plan.ref.path if state.plan is not None else None)
        self.asking.show_state(state)
        if state.loaded is self._loaded:
            return
        self._loaded = state.loaded
        self.live.chart.clear()
        fit = state.plan.fit if state.plan is not None else None
        self._planned_bytes = fit.memory.loaded_bytes if fit is not None else None
        self._kept_bytes = fit.memory.checkpoint_bytes if fit is not None else 0
        self.rest(last)

    def _follow_model(self, path: Path | None) -> None:
        """Show how this model is sampled where the chat says nothing; its header is read on another thread."""
        if path == self._model:
            return
        self._model = path

        def found(defaults: SamplingDefaults) -> None:
            if path == self._model:
                self.settings.set_defaults(defaults)

        self._tasks.run(lambda context: self._sampling(path), done=found, lane=Lane.JOB, owner=self)

    def show_prediction(self, speeds: Speeds | None) -> None:
        """Show the speed to expect; nothing is known of another server's."""
        elsewhere = self._plan is not None and self._plan.ref.elsewhere is not None
        self.live.show_prediction(None if elsewhere else speeds)

    def look_again(self) -> None:
        """The model may have been set up on another page."""
        self.load.look_again()
        self.asking.look_again()

    def rest(self, last: Message | None) -> None:
        """Show the figures of the last answer in view."""
        self._late = False
        self._show(resting_figures(last, self._loaded, self._planned_bytes, self._kept_bytes))

    def progress(self, event: PromptRead | TextAdded) -> None:
        """Show a running answer; figures a few times a second, since nobody reads faster."""
        self._figures = live_figures(self._figures, event)
        self._late = self._pause.isActive() and isinstance(event, TextAdded)
        if not self._late:
            self._show_live()

    def _show_late(self) -> None:
        if self._late:
            self._late = False
            self._show_live()

    def _show_live(self) -> None:
        self._pause.start()
        self._show(self._figures)
        if self._figures.tokens_per_second:
            self.live.chart.add(self._figures.tokens_per_second)

    def _show(self, figures: Figures) -> None:
        self._figures = figures
        self.live.show_figures(figures)
        self.context_changed.emit(figures.context_used or 0, figures.context_length or 0)

    def show_chat(self, chat: Chat | None) -> None:
        """Show the settings kept with a chat, the defaults for a new one."""
        if chat is None:
            self.settings.set_values(ChatSettings())
        else:
            self.settings.set_values(ChatSettings(chat.system_prompt, chat.sampling, chat.max_tokens))


class PresetKeeper(QObject):
    """Keeps the user's own presets, prompts and folds in the settings, off the GUI thread."""

    failed = Signal(object)  # HeftError

    def __init__(self, settings: SettingsStore, side: ChatSide, tasks: Tasks) -> None:
        super().__init__(side)
        panel = side.settings
        self._prompts = PromptKeeper(settings, panel.prompt, tasks)
        self._folds = FoldKeeper(settings, tasks, self)
        for keeper in (self._prompts, self._folds):
            keeper.failed.connect(self.failed)
        self._folds.keep_all(side.model_group, panel.prompt_group, panel.sampling_group, panel.expert)
        self._settings = settings
        self._panel = panel
        self._tasks = tasks
        self._names: frozenset[str] = frozenset()
        panel.save_preset_asked.connect(self._ask_name)
        panel.delete_preset_asked.connect(self._delete)

    def load_soon(self) -> None:
        """Read the presets and offer them, a moment after the window's first paint."""
        QTimer.singleShot(_PRESETS_MS, self, self._load)

    def _load(self) -> None:
        self._tasks.run(
            lambda context: presets.all_presets(self._settings),
            done=self._offer,
            failed=self.failed.emit,
            lane=Lane.JOB,
            owner=self,
        )

    def save(self, name: str) -> None:
        """Keep the values of the panel under a name; an empty name does nothing, a built-in one is made own."""
        name = " ".join(name.split())
        if not name:
            return
        if name in self._names:
            name = tr("{name} (own)", name=name)
        sampling = {key: value for key, value in self._panel.values().sampling.items() if key != "seed"}
        self._tasks.run(
            lambda context: presets.save_preset(self._settings, Preset(name, sampling=sampling)),
            done=self._offer,
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
            queue="presets",
        )

    def _ask_name(self) -> None:
        dialog = QInputDialog(self._panel)
        dialog.setObjectName("presetName")
        dialog.setWindowTitle(tr("Save preset"))
        dialog.setLabelText(tr("Name of the preset"))
        dialog.setTextEchoMode(QLineEdit.EchoMode.Normal)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(self.save)
        dialog.open()

    def _delete(self, name: str) -> None:
        self._tasks.run(
            lambda context: presets.delete_preset(self._settings, name),
            done=self._offer,
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
            queue="presets",
        )

    def _offer(self, presets: Sequence[ListedPreset]) -> None:
        self._names = frozenset(listed.preset.name for listed in presets if not listed.own)
        self._panel.set_presets(
            [
                PresetChoice(
                    listed.preset.name,
                    listed.preset.sampling,
                    tr("{reason}\nFrom: {source}", reason=listed.reason, source=listed.source),
                    listed.own,
                )
                for listed in presets
            ]
        )
