"""What the side panel keeps in the settings: saved prompts, and which groups are folded; written off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QInputDialog

from desktop.core.errors import StoreError
from desktop.core.words import tr
from desktop.services.chat import prompts
from desktop.store.options import CHAT_FOLDS, TOKEN_ALTERNATIVES, Option, SavedPrompt
from desktop.store.settings import SettingsStore
from desktop.ui.chat.fold import Fold
from desktop.ui.chat.prompt_panel import PromptPanel
from desktop.ui.chat.sampling_expert import ExpertFold
from desktop.ui.shell.tasks import Lane, Tasks

_LATER_MS = 60  # after the presets, which come a moment after the first paint


class PromptKeeper(QObject):
    """Fills the choice of prompts; saves, changes and deletes them."""

    failed = Signal(object)  # HeftError

    def __init__(self, settings: SettingsStore, panel: PromptPanel, tasks: Tasks) -> None:
        super().__init__(panel)
        self._settings, self._panel, self._tasks = settings, panel, tasks
        panel.save_asked.connect(self._ask_name)
        panel.update_asked.connect(self.save)
        panel.rename_asked.connect(self._ask_other_name)
        panel.delete_asked.connect(lambda name: self._run(lambda: prompts.delete_prompt(settings, name)))
        QTimer.singleShot(_LATER_MS, self, lambda: self._run(lambda: prompts.saved_prompts(settings), Lane.JOB))

    def save(self, name: str) -> None:
        """Keep the text under a name."""
        text = self._panel.text
        self._run(lambda: prompts.save_prompt(self._settings, name, text))

    def _ask_name(self) -> None:
        dialog = self._dialog("promptName", tr("Save prompt"), tr("Name of the prompt"))
        dialog.textValueSelected.connect(self.save)
        dialog.open()

    def _ask_other_name(self, name: str) -> None:
        dialog = self._dialog("promptName", tr("Rename prompt"), tr("Name of the prompt"))
        dialog.setTextValue(name)
        dialog.textValueSelected.connect(lambda to: self._run(lambda: prompts.rename_prompt(self._settings, name, to)))
        dialog.open()

    def _dialog(self, name: str, title: str, words: str) -> QInputDialog:
        dialog = QInputDialog(self._panel)
        dialog.setObjectName(name)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _run(self, work: Callable[[], tuple[SavedPrompt, ...]], lane: Lane = Lane.COMMAND) -> None:
        self._tasks.run(
            lambda context: work(),
            done=self._panel.set_prompts,
            failed=self.failed.emit,
            lane=lane,
            owner=self,
            queue="prompts",
        )


class FoldKeeper(QObject):
    """Opens and closes groups as the user left them."""

    failed = Signal(object)  # HeftError

    def __init__(self, settings: SettingsStore, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self._open: dict[str, bool] = {}
        with suppress(StoreError):  # said where it matters more
            kept: dict[str, bool] = settings.get(CHAT_FOLDS)
            self._open = dict(kept)

    def keep_all(self, model: Fold, prompt: Fold, sampling: Fold, expert: ExpertFold) -> None:
        """Show the groups as they were left, and remember how they are left from now on."""
        for name, fold in (("model", model), ("prompt", prompt), ("sampling", sampling)):
            fold.set_open(self._open.get(name, True))
            fold.turned.connect(lambda opened, name=name: self.remember(name, opened))
        if self._open.get("expert", False):  # its rows are made then: not before the first paint
            QTimer.singleShot(_LATER_MS, self, lambda: expert.set_open(True))
        with suppress(StoreError):
            expert.alternatives.setChecked(self._settings.get(TOKEN_ALTERNATIVES))
        expert.alternatives.toggled.connect(lambda wanted: self._keep(TOKEN_ALTERNATIVES, wanted))
        expert.turned.connect(lambda opened: self.remember("expert", opened))

    def remember(self, name: str, opened: bool) -> None:
        """The user turned it."""
        self._open = {**self._open, name: opened}
        self._keep(CHAT_FOLDS, dict(self._open))

    def _keep(self, option: Option[Any], value: object) -> None:
        self._tasks.run(
            lambda context: self._settings.set(option, value),
            failed=self.failed.emit,
            lane=Lane.COMMAND,
            owner=self,
            queue=option.key,
        )
