"""Which notice stands above the composer, and what it offers to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.errors import HeftError
from desktop.services.engine.supervisor import EngineState
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.models import ModelChooser
from desktop.ui.chat.notice import (
    NoticeStrip,
    answer_notice,
    engine_notice,
    model_notice,
    refusal_notice,
    template_notice,
)


@dataclass(frozen=True)
class Notices:
    """Chooses for the strip, from who knows; and does what is offered."""

    strip: NoticeStrip
    talk: Conversation
    models: ModelChooser
    new_chat: Callable[[], None]
    choose_model: Callable[[], None]
    open_file: Callable[[], None]

    def show(self, refused: HeftError | None, state: EngineState, *, own_template: bool) -> None:
        """The most pressing one, or none. ``own_template``: one of the user's stands in for the model's."""
        talk, models = self.talk, self.models
        self.strip.show_notice(
            refusal_notice(refused)
            or engine_notice(state, models.smaller_context())
            or answer_notice(talk.branch[-1] if talk.branch else None, models.larger_context())
            or model_notice(talk.chat, state)
            or (template_notice(state) if not own_template else None)
        )

    def act(self, action: str) -> None:
        """Do what a notice offers."""
        chat, last, models = self.talk.chat, self.talk.last_answer, self.models
        if action == "load-again":
            models.load_again()
        elif action == "load-smaller":
            models.load_again(models.smaller_context())
        elif action == "load-larger" and last is not None:
            models.load_again(models.larger_context(), then=lambda: self.talk.continue_(last.id))
        elif action == "new-chat":
            self.new_chat()
        elif action == "choose-model":
            self.choose_model()
        elif action == "open-file":
            self.open_file()
        elif action == "load-chat-model" and chat is not None:
            models.load_for(chat)
