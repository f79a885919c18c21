"""A message that was sent, back in the message field to be written anew."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.attachments import Enclosed
from desktop.store.chats import Message
from desktop.ui.chat.composer import Composer


def begin_edit(composer: Composer, branch: Sequence[Message], message_id: int | None) -> None:
    """Put a message of the branch into the field with its files; None: the last question, where there is one."""
    if message_id is None:
        found = [message for message in branch if message.role == "user"]
    else:
        found = [message for message in branch if message.id == message_id]
    if found:
        message = found[-1]
        composer.begin_edit(message.id, message.content, [Enclosed(one) for one in message.attachments])
