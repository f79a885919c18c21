"""From what store and services say to what the transcript and the live panel show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop.core.documents.cited_links import with_links
from desktop.core.documents.prompt import Citation
from desktop.core.text import visible_in_place
from desktop.core.tool_calls import ToolCall, pretty_json
from desktop.core.words import counted, tr
from desktop.engine.api import Loaded
from desktop.services.chat.events import PromptRead, TextAdded
from desktop.services.chat.speculation_words import speculation_words
from desktop.services.chat.thread_words import thread_words
from desktop.store.chats import Message
from desktop.ui.chat.live_panel import Figures

if TYPE_CHECKING:
    from desktop.ui.shared.transcript import Addition, TranscriptMessage
    from desktop.ui.shared.transcript.message import ShownCall


def statistics_line(message: Message) -> str:
    """ "61.4 tok/s · 142 tokens · first token 0.21 s"; empty for what was not measured."""
    figures = message.statistics
    if not figures:
        return ""
    parts = []
    if rate := figures.get("tokens_per_second"):
        parts.append(tr("{rate:.1f} tok/s", rate=rate))
    if tokens := int(figures.get("generated_tokens", 0)):
        parts.append(counted(tokens, "token"))
    if first := figures.get("seconds_to_first_token"):
        parts.append(tr("first token {first:.2f} s", first=first))
    parts += speculation_words(figures)
    parts += thread_words(figures)
    return " · ".join(parts)


def transcript_message(
    message: Message, unseen_to: int | None = None, citations: Sequence[Citation] = ()
) -> TranscriptMessage:
    """A stored message as the transcript shows it; ``unseen_to`` is the last one that the model does not see.

    The numbers of ``citations`` in an answer lead to their passages.
    """
    from desktop.ui.shared.transcript import TranscriptMessage  # not before there is a message to show

    return TranscriptMessage(
        id=message.id,
        role=message.role,
        content=with_links(message.content, citations) if message.role == "assistant" else message.content,
        state=message.state,
        note=message.note,
        statistics_line=statistics_line(message),
        sibling_index=message.sibling_index,
        sibling_count=message.sibling_count,
        model=message.model,
        reasoning=message.reasoning,
        reasoning_seconds=message.reasoning_seconds,
        ends_unseen=message.id == unseen_to,
        created=message.created,
        attachments=message.attachments,
        calls=tuple(shown_call(call) for call in message.tool_calls),
    )


def shown_call(call: ToolCall) -> ShownCall:
    """A tool that was called, as the transcript shows it: its arguments in lines, hidden characters made visible."""
    from desktop.services.tools.words import call_words
    from desktop.ui.shared.transcript.message import ShownCall  # as above

    return ShownCall(
        call.id,
        visible_in_place(call_words(call)),
        visible_in_place(pretty_json(call.arguments)),
        visible_in_place(call.result),
        tuple(visible_in_place(note) for note in call.notes),
        call.at,
        asks=call.state == "asked",
        failed=call.state in ("failed", "denied", "stopped"),
    )


def addition(event: TextAdded) -> Addition:
    """What the transcript adds to a message."""
    from desktop.ui.shared.transcript import Addition  # as above

    return Addition(event.text, event.reasoning, event.turned, event.reasoning_seconds)


def prompt_progress(event: PromptRead) -> str:
    """What is said while an answer has no text yet."""
    if event.total <= 0:
        return tr("Reading the prompt…")
    share = min(1.0, event.done / event.total)
    kept = tr(", {reused:,} kept from before", reused=event.reused) if event.reused else ""
    return tr("Reading the prompt, {share:.0%} of {total:,} tokens{kept}", share=share, total=event.total, kept=kept)


def resting_figures(
    message: Message | None, loaded: Loaded | None, planned_bytes: int | None = None, kept_bytes: int = 0
) -> Figures:
    """When nothing is being written: the figures of the last answer in view, and of the loaded model with the memory
    that was planned for it, and for what a long chat keeps.
    """
    measured = message.statistics if message is not None else {}
    base = Figures(
        context_used=0 if loaded else None,
        context_length=loaded.context_length if loaded else None,
        memory=loaded.memory if loaded and not loaded.endpoint else None,
        planned_bytes=planned_bytes,
        kept_bytes=kept_bytes,
    )
    if not measured:
        return base
    return replace(
        base,
        tokens_per_second=measured.get("tokens_per_second"),
        prompt_tokens_per_second=measured.get("prompt_tokens_per_second"),
        seconds_to_first_token=measured.get("seconds_to_first_token"),
        context_used=int(measured.get("needed_tokens", 0) or measured.get("context_used", 0)),
        context_length=base.context_length or int(measured.get("context_length", 0)),
        speculation=measured,
    )


def live_figures(before: Figures, event: PromptRead | TextAdded) -> Figures:
    """The figures after one more event of a running answer."""
    if isinstance(event, PromptRead):
        return replace(
            before,
            tokens_per_second=None,
            prompt_tokens_per_second=None,
            seconds_to_first_token=None,
            prompt_done=event.done,
            prompt_total=event.total,
            context_used=event.done,
            speculation={},
        )
    return replace(
        before,
        tokens_per_second=event.tokens_per_second,
        prompt_tokens_per_second=event.prompt_tokens_per_second,
        seconds_to_first_token=event.seconds_to_first_token,
        prompt_done=None,
        prompt_total=None,
        context_used=event.context_used,
        speculation={"drafted_tokens": event.drafted_tokens, "accepted_tokens": event.accepted_tokens},
    )
