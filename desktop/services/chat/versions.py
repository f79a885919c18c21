"""Another version of a turn: what becomes of it when it comes to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from desktop.core.attachments import Enclosed
from desktop.core.errors import HeftError, StoreError
from desktop.store.chats import ChatStore, Message


@dataclass(frozen=True)
class VersionGivenUp:
    """A new answer, or an edited question's, came to nothing: the branch that was in view before is in view again.

    ``edited`` is the message that was edited, and what had been written in its place and attached to it; None after a
    regenerate.
    ``error`` is why; None where a person stopped it, and where the engine's own state says why.
    """

    chat_id: int
    edited: tuple[int, str, Sequence[Enclosed]] | None
    error: HeftError | None


@dataclass(frozen=True)
class Version:
    """A branch beside another, whose end is ``leaf``; ``first`` is its own first message, None before there is one."""

    leaf: int
    first: int | None = None
    edited: tuple[int, str, Sequence[Enclosed]] | None = None

    def settle(self, store: ChatStore, answer: Message, error: HeftError | None) -> VersionGivenUp | None:
        """Show the other branch again where the answer failed, or ended before its first word; else None.

        What was written of a failed one stays as a version. Where nothing was, nothing is kept: what was typed goes
        back to where it was typed.
        """
        empty = not (answer.content.strip() or answer.reasoning.strip() or answer.tool_calls)
        if answer.state == "complete" or not (empty or answer.state == "failed"):
            return None
        with suppress(StoreError):  # a full disk: the new branch stays on show
            store.select(self.leaf)
            if empty and self.first is not None:
                store.remove(self.first)
            return VersionGivenUp(answer.chat_id, self.edited if empty else None, error)
        return None


def kept_below(branch: Sequence[Message], parent_id: int | None) -> list[Message]:
    """The branch up to and with the parent of a new message; nothing where that is not in it."""
    ids = [message.id for message in branch]
    return list(branch[: ids.index(parent_id) + 1]) if parent_id in ids else []
