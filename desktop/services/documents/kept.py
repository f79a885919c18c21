"""A document's text as it is kept with a chat: what a person can open, and a later turn searches."""

from __future__ import annotations

import zlib

import msgspec

from desktop.core.documents.text import DocumentText
from desktop.core.errors import StoreError
from desktop.core.words import tr
from desktop.services.documents.reading import MOST_KEPT_BYTES

MEDIA_TYPE = "application/vnd.heft.document"
_LEVEL = 6


def kept_bytes(document: DocumentText) -> bytes:
    """The text with its pages, compressed."""
    return zlib.compress(msgspec.msgpack.encode(document), _LEVEL)


def kept_document(data: bytes) -> DocumentText:
    """What :func:`kept_bytes` was given. Raises StoreError for anything else, also for a bomb in an imported chat."""
    try:
        inflated = zlib.decompressobj()
        body = inflated.decompress(data, MOST_KEPT_BYTES)
        if inflated.unconsumed_tail:
            raise ValueError("it is longer than any document")
        return msgspec.msgpack.decode(body, type=DocumentText)
    except (zlib.error, ValueError, msgspec.DecodeError) as error:
        raise StoreError(
            tr("The text of this document cannot be read."), tr("Attach the document again."), detail=repr(error)
        ) from error
