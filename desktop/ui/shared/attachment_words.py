"""What is said of an attachment: its size as a person knows it."""

from __future__ import annotations

from desktop.core.attachments import Attachment
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr


def size_words(attachment: Attachment) -> str:
    """ "1,024 x 768", "0:42", what went of a document, or "1.2 MB" for what has neither pixels nor seconds."""
    if attachment.kind == "document":
        return _document(attachment)
    if attachment.width:
        return f"{attachment.width:,} x {attachment.height:,}"
    if attachment.seconds:
        minutes, seconds = divmod(round(attachment.seconds), 60)
        return f"{minutes}:{seconds:02}"
    return human_bytes(attachment.size_bytes)


def _document(attachment: Attachment) -> str:
    """ "8,431 tokens", "3 passages", "its beginning, 2,000 tokens"; "" before it is sent."""
    if attachment.text_tokens is None:
        return ""
    if attachment.way == "passages":
        number = len(attachment.citations)
        return counted(number, "passage")
    tokens = counted(attachment.text_tokens, "token")
    return tr("its beginning, {tokens}", tokens=tokens) if attachment.way == "beginning" else tokens
