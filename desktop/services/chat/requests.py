"""What the engine is asked for: the turns that the model sees, and how it is sampled and asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from desktop.core.answer_settings import AnswerSettings
from desktop.core.attachments import Attachment, Enclosed
from desktop.core.documents.prompt import asked
from desktop.core.model_ref import ModelRef
from desktop.core.sampling_defaults import SamplingDefaults
from desktop.core.tool_calls import ToolSpec, passages
from desktop.engine.api import ChatMessage, Generate, Media
from desktop.services.chat.alternatives import ASKED
from desktop.services.chat.sampling import FindDefaults, sampling_of
from desktop.services.engine.supervisor import EngineService
from desktop.store.chats import Chat, ChatStore, Message

UNANSWERED = "The user stopped this call before it answered."  # what its model is told
_SUMMARY = "Summary of the conversation so far:"


@dataclass(frozen=True)
class Requests:
    """Makes them for the model that the engine holds."""

    store: ChatStore
    engine: EngineService
    defaults: FindDefaults
    answers: Callable[[ModelRef], AnswerSettings]
    alternatives: Callable[[], bool] = lambda: False

    def answer(self, chat: Chat, message_id: int, tools: tuple[ToolSpec, ...] = ()) -> Generate:
        """The conversation up to an answer, or up to where that one was cut, as the chat's view has it.

        ``tools`` are offered to a model that knows them; one that does not is not told of earlier calls either.
        """
        asked = self._asked()
        knows = self.knows_tools
        return Generate(
            request_id=0,
            messages=self._with_media(chat, branch_to(self.store.messages(chat.id), message_id), tools=knows),
            tools=tools if knows else (),
            sampling=sampling_of(self._defaults(), chat.sampling),
            max_tokens=chat.max_tokens,
            template=asked.template,
            thinking=asked.thinking,
            effort=asked.effort,
            chosen=tuple(chat.sampling),
            alternatives=ASKED if self.alternatives() else 0,
        )

    def media_tokens(self, enclosed: Enclosed) -> int:
        """How many tokens a picture or sound is for the loaded model; waits for the engine. Raises HeftError."""
        one = enclosed.attachment
        media = media_of(one, enclosed.data if enclosed.data is not None else self.store.attachment_data(one))
        words = ChatMessage("user", "?")
        asked = (words,), (ChatMessage("user", "?", media=(media,) if media is not None else ()),)
        without, with_it = (self.engine.count(Generate(0, messages)) for messages in asked)
        return with_it - without

    def _with_media(self, chat: Chat, branch: Sequence[Message], *, tools: bool) -> tuple[ChatMessage, ...]:
        read = lambda one: media_of(one, self.store.attachment_data(one))  # noqa: E731
        return turns_of(chat, branch, self.store.sent_texts(chat.id), read, tools=tools)

    @property
    def knows_tools(self) -> bool:
        """Whether the model that is held can call tools."""
        loaded = self.engine.state.loaded
        return loaded is not None and loaded.tools and self._asked().template is None

    def task(self, text: str, max_tokens: int) -> Generate:
        """Something to be done with a text, without thinking where that can be left out."""
        loaded = self.engine.state.loaded
        return Generate(
            request_id=0,
            messages=(ChatMessage("user", text),),
            sampling=sampling_of(self._defaults(), {}),
            max_tokens=max_tokens,
            template=self._asked().template,
            thinking=False if loaded is not None and loaded.thinking else None,
        )

    def _defaults(self) -> SamplingDefaults:
        plan = self.engine.state.plan
        return self.defaults(plan.ref.path if plan is not None else None)

    def _asked(self) -> AnswerSettings:
        plan = self.engine.state.plan
        return self.answers(plan.ref) if plan is not None else AnswerSettings()


def branch_to(branch: Sequence[Message], message_id: int) -> list[Message]:
    """A branch up to one of its messages."""
    ids = [message.id for message in branch]
    return list(branch[: ids.index(message_id) + 1] if message_id in ids else branch)


def media_of(attachment: Attachment, data: bytes) -> Media | None:
    """A picture or sound as the engine takes it; None for a document."""
    if attachment.kind == "document":
        return None
    return Media(attachment.kind, attachment.media_type, data)


def turns_of(
    chat: Chat,
    branch: Sequence[Message],
    sent: Mapping[int, Sequence[str]],
    read: Callable[[Attachment], Media | None] = lambda _attachment: None,
    *,
    tools: bool = False,
) -> tuple[ChatMessage, ...]:
    """What the model is given of a branch: the system prompt, what stands for the turns that it does not see, and the
    others, with what was ``sent`` of their documents; empty ones are none. ``read`` gives the pictures and sounds that
    are attached to them. ``tools``: also the tools that were called, and what they answered.
    """
    view = chat.model_view
    summary = view.summary_of(branch).strip()
    before = (chat.system_prompt if chat.system_prompt.strip() else "", f"{_SUMMARY}\n{summary}" if summary else "")
    system = "\n\n".join(filter(None, before))
    turns = [ChatMessage("system", system)] if system else []
    for message in branch[view.unseen(branch) :]:
        if message.tool_calls and tools:
            turns += _with_calls(message)
            continue
        media = tuple(one for one in map(read, message.attachments) if one is not None)
        content = asked(sent.get(message.id, ()), message.content)
        if content or message.reasoning or media:
            turns.append(ChatMessage(message.role, content, message.reasoning, media))
    return tuple(turns)


def _with_calls(message: Message) -> Iterator[ChatMessage]:
    for passage in passages(message.content, message.reasoning, message.tool_calls):
        text, thought = passage.text, passage.reasoning.strip("\n")
        if passage.calls or text or thought:
            yield ChatMessage("assistant", text, thought, calls=tuple(call.called for call in passage.calls))
        for call in passage.calls:
            yield ChatMessage("tool", call.result or UNANSWERED, answers=call.id)
