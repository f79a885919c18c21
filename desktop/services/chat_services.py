"""The chat's services as members of the container: conversations, what is attached to them, how they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.document_services import DocumentServices
from desktop.services.engine_services import EngineServices
from desktop.services.made_once import made_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.core.errors import HeftError
    from desktop.services.chat.attaching import AttachmentService
    from desktop.services.chat.chat import ChatService
    from desktop.services.chat.formulas import FormulaService
    from desktop.services.chat.pictures import PictureService
    from desktop.services.chat.sampling import SamplingService
    from desktop.services.documents.sending import DocumentSender
    from desktop.services.models.answer_settings import AnswerSettingsService
    from desktop.services.planning.service import PlanningService
    from desktop.services.tools.service import ToolService
    from desktop.store.chats import ChatStore
    from desktop.store.fetched import FetchedStore
    from desktop.store.paths import Paths
    from desktop.store.settings import SettingsStore


class ChatServices(EngineServices, DocumentServices):
    """Needs members of the whole."""

    paths: Paths
    tell: Callable[[HeftError], None]
    planning: made_once[PlanningService]
    answers: made_once[AnswerSettingsService]
    fetched: made_once[FetchedStore]
    settings: made_once[SettingsStore]
    tools: made_once[ToolService]

    @made_once
    def chats(self) -> ChatStore:
        """The chat store; what a killed process left half written is marked so."""
        from desktop.services.chat.kept_chats import open_chats

        return open_chats(self.paths, self.tell)

    @made_once
    def chat(self) -> ChatService:
        """Conversations with the loaded model."""
        from desktop.services.chat.chat import ChatService
        from desktop.store import options

        replan = lambda plan: self.planning.for_load(plan.ref)  # noqa: E731
        told = lambda: self.settings.get(options.TOKEN_ALTERNATIVES)  # noqa: E731
        return ChatService(
            self.chats,
            self.engine,
            replan,
            self.sampling.defaults,
            self.answers.for_answer,
            lambda *asked: self.sender.settled(*asked),  # noqa: PLW0108 - made at its first use
            tools=lambda: self.tools,
            alternatives=told,
        )

    @made_once
    def sender(self) -> DocumentSender:
        """What of a message's documents goes to the model."""
        from desktop.services.documents.sending import DocumentSender

        return DocumentSender(lambda: self.documents, lambda: self.engine.state, self.chats.attachment_data, self.tell)

    @made_once
    def sampling(self) -> SamplingService:
        """How each model is sampled."""
        from desktop.services.chat.sampling import SamplingService

        return SamplingService(self.fetched.sampling_of)

    @made_once
    def formulas(self) -> FormulaService:
        """Typesets the formulas of answers."""
        from desktop.services.chat.formulas import FormulaService

        return FormulaService()

    @made_once
    def pictures(self) -> PictureService:
        """Reads pictures, whoever sent them."""
        from desktop.services.chat.pictures import PictureService

        return PictureService()

    @made_once
    def attachments(self) -> AttachmentService:
        """Reads what is attached to messages."""
        from desktop.services.chat.attaching import AttachmentService

        return AttachmentService(self.pictures, lambda: self.documents, lambda: self.sender)
