"""Which notice stands above the composer, and what it offers to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from desktop.core.errors import HeftError
from desktop.services.chat.chat import ChatService
from desktop.services.engine.supervisor import EngineState
from desktop.ui.chat.attaching import Attaching
from desktop.ui.chat.circles import Circles
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.full_context import FullContext
from desktop.ui.chat.models import ModelChooser
from desktop.ui.chat.notice import (
    NoticeStrip,
    engine_notice,
    model_notice,
    offload_notice,
    refusal_notice,
    template_notice,
)


@dataclass(frozen=True)
class Notices:
    """Chooses for the strip, from who knows; and does what is offered."""

    strip: NoticeStrip
    talk: Conversation
    models: ModelChooser
    service: ChatService
    full: FullContext
    circles: Circles
    new_chat: Callable[[], None]
    choose_model: Callable[[], None]
    open_file: Callable[[], None]
    attaching: Attaching

    def show(self, refused: HeftError | None, state: EngineState, *, own_template: bool) -> None:
        """The most pressing one, or none. ``own_template``: one of the user's stands in for the model's."""
        talk, models = self.talk, self.models
        self.strip.show_notice(
            refusal_notice(refused)
            or engine_notice(state, models.smaller_context())
            or self.attaching.notice()
            or self.full.notice()
            or offload_notice(state)
            or self.circles.notice()
            or model_notice(talk.chat, state)
            or (template_notice(state) if not own_template else None)
        )

    def act(self, action: str) -> None:
        """Do what a notice offers."""
        chat, models, views = self.talk.chat, self.models, self.service.views
        full = self.full.full()
        cut = full.message_id if full is not None else None
        if action == "load-again":
            models.load_again()
        elif action == "load-on-processor":
            models.load_on_processor()
        elif action == "load-smaller":
            models.load_again(models.smaller_context())
        elif action == "load-larger":
            then = (lambda: self.talk.continue_(cut)) if cut is not None else None
            models.load_again(self.full.plan_context, then=then)
        elif action == "drop-oldest":
            self._go_on(cut, views.drop_oldest)
        elif action == "summarise" and cut is not None:
            self.talk.continue_(cut, before=lambda chat_id: self.service.summarise(chat_id, cut))
        elif action == "stop-summary":
            self.talk.stop()
        elif action == "new-chat":
            self.new_chat()
        elif action == "choose-model":
            self.choose_model()
        elif action == "open-file":
            self.open_file()
        elif action == "load-chat-model" and chat is not None:
            models.load_for(chat)

    def _go_on(self, cut: int | None, change: Callable[[int], None]) -> None:
        """Change what the model sees, and go on with the answer that did not fit."""
        if cut is not None:
            self.talk.continue_(cut, before=change)
        else:
            self.talk.look(change)
