"""What goes out with a message beside its text: pictures, sound and documents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from desktop.core.documents.prompt import Citation
from desktop.core.text import encodable, one_line

AttachmentKind = Literal["image", "sound", "document"]

MOST_ATTACHED = 20  # to one message
MOST_FILE_BYTES = 256 * 1000 * 1000  # of one file, before anything of it is read
LONGEST_NAME = 200  # characters; file systems allow 255 bytes
SNIFFED = 16  # bytes at the start of a file by which its type is told


@dataclass(frozen=True)
class Attachment:
    """One file that belongs to a message. Its bytes are kept under ``sha256``, once for all messages that have it.

    ``media_type`` is that of the bytes as they are kept (``image/png``). A picture has ``width`` and ``height``
    (pixels), sound ``seconds``. ``text_tokens`` is how many tokens a document's text has, None where that is not known
    and for what has no text: how many a picture is, the engine counts for its model.

    ``way`` is how a document goes with its message ("whole", "passages", "beginning"; "" for the first), and
    ``citations`` are the passages of it that the model was given, where these are numbered.
    """

    kind: AttachmentKind
    name: str
    media_type: str
    sha256: str
    size_bytes: int
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    text_tokens: int | None = None
    way: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class Enclosed:
    """An attachment with its bytes, on its way to a message; ``data`` None: they are kept already.

    ``sent`` is what the model is given of a document before the message's words, settled when it is sent.
    """

    attachment: Attachment
    data: bytes | None = None
    sent: str = ""

    @classmethod
    def of(
        cls,
        kind: AttachmentKind,
        name: str,
        media_type: str,
        data: bytes,
        *,
        width: int = 0,
        height: int = 0,
        seconds: float = 0.0,
        text_tokens: int | None = None,
    ) -> Enclosed:
        """Bytes under the name of the file that they are from, without its folders."""
        digest = hashlib.sha256(data).hexdigest()
        shown = one_line(encodable(name.replace("\\", "/").rpartition("/")[2]), LONGEST_NAME) or kind
        made = Attachment(kind, shown, media_type, digest, len(data), width, height, seconds, text_tokens)
        return cls(made, data)


def media_type_of(data: bytes) -> str:
    """The media type of a picture or of sound by its first bytes, whatever its name says; "" for anything else.

    The signatures are those of the WHATWG's MIME Sniffing standard, sections 6.1 and 6.2, and RFC 9639 for FLAC.
    """
    start = data[:SNIFFED]
    for signature, media_type in _SIGNATURES:
        if start.startswith(signature):
            return media_type
    match start[:4], start[8:12]:
        case b"RIFF", b"WEBP":
            return "image/webp"
        case b"RIFF", b"WAVE":
            return "audio/wav"
    if len(start) > 1 and start[0] == 0xFF and start[1] in _MP3_FRAMES:
        return "audio/mpeg"
    return ""


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
)
_MP3_FRAMES = (0xFB, 0xF3, 0xF2, 0xFA)  # MPEG-1 and 2, layer III, with and without a checksum
