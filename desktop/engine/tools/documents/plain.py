"""Bytes as text: Unicode in the usual forms, and what was used before it, which is said."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_BOMS = (  # the longer ones first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 1 << 16  # bytes by which a file is told from text
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROL = 0.01  # share of control characters in a text
_IDEOGRAPHS = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")
_LEAST_IDEOGRAPHS = 0.9  # of all that is no ASCII
WESTERN, CHINESE = "Windows-1252", "GB 18030"


@dataclass(frozen=True)
class Decoded:
    """A text; ``legacy`` names the encoding where it was no Unicode, ``damaged`` counts what stands for nothing."""

    text: str
    legacy: str = ""
    damaged: int = 0


def decoded(data: bytes, declared: str = "") -> Decoded | None:
    """The text; None for bytes that are none. ``declared`` is what the document itself says of its encoding.

    Without a byte order mark: UTF-8, UTF-16 where every other byte is zero, else a legacy encoding.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _counted(data.decode(name, "replace"))
    if (wide := _wide(data)) is not None:
        return _counted(data.decode(wide, "replace"))
    if _binary(data):
        return None
    try:
        return Decoded(data.decode())
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start >= len(data) - 3:  # cut within its last character
            return _counted(data.decode("utf-8", "replace"))
    if declared and (name := _known(declared)):
        text = data.decode(name, "replace")
        return Decoded(text, "" if name == "utf-8" else declared, text.count("\ufffd"))
    if (chinese := _chinese(data)) is not None:
        return Decoded(chinese, CHINESE)
    return Decoded(data.decode("cp1252", "replace"), WESTERN)


def _counted(text: str) -> Decoded:
    return Decoded(text, damaged=text.count("\ufffd"))


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: text that is mostly Latin has a zero in each pair of bytes, always the same."""
    head = data[:_LOOKED_AT]
    head = head[: len(head) // 2 * 2]
    if len(head) < 8:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if odd > pairs * 0.7 and not even:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.7 and not odd else None


def _binary(data: bytes) -> bool:
    head = data[:_LOOKED_AT]
    return b"\0" in head or len(head) - len(head.translate(None, _CONTROL)) > len(head) * _MOST_CONTROL


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        return ""
    return found if found not in ("utf-16", "utf-32", "idna", "punycode", "unicode_escape") else "utf-8"


def _chinese(data: bytes) -> str | None:
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = sum(not mark.isascii() for mark in text)
    return text if len(_IDEOGRAPHS.findall(text)) >= foreign * _LEAST_IDEOGRAPHS else None
