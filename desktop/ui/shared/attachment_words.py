"""What is said of an attachment: its size as a person knows it."""

from __future__ import annotations

from desktop.core.attachments import Attachment
from desktop.core.units import human_bytes


def size_words(attachment: Attachment) -> str:
    """ "1,024 x 768", "0:42", or "1.2 MB" for what has neither pixels nor seconds."""
    if attachment.width:
        return f"{attachment.width:,} x {attachment.height:,}"
    if attachment.seconds:
        minutes, seconds = divmod(round(attachment.seconds), 60)
        return f"{minutes}:{seconds:02}"
    return human_bytes(attachment.size_bytes)
