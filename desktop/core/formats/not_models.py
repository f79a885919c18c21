"""Files that are no models but lie where one was expected: pointers, web pages, archives, pictures, leftovers."""

from __future__ import annotations

import re

from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.summary import Fact, Summary
from desktop.core.text import one_line
from desktop.core.units import human_bytes
from desktop.core.words import tr

HEAD_BYTES = 4096
_DUMP_BYTES = 32

# First bytes, and what they are; the longest first where one begins another.
_ARCHIVES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip, empty"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "LZ4"),
)
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"%PDF-", "PDF document"),
    (b"{\\rtf", "RTF document"),
)
_PROGRAMS = (
    (b"\x7fELF", "ELF (Linux and BSD)"),
    (b"MZ", "PE (Windows)"),
    (b"\xcf\xfa\xed\xfe", "Mach-O (macOS)"),
    (b"\xca\xfe\xba\xbe", "Mach-O for several processors, or Java"),
    (b"#!", "script"),
)
_PARTIAL = (".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2", ".tmp", ".!ut", ".!qb")
_POINTER = re.compile(rb"version https?://[^\n]*git-lfs[^\n]*\n")
_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(rb"^size (\d{1,18})$", re.MULTILINE)
_TITLE = re.compile(rb"<title[^>]*>([^<]{0,300})", re.IGNORECASE)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")


def is_partial(name: str) -> bool:
    """Whether a file name is one that programs give to unfinished downloads."""
    return name.lower().endswith(_PARTIAL)


def recognise_pointer(start: bytes, size: int, catalog: Catalog) -> Summary | None:
    """A Git LFS pointer, with the digest and size of the file it stands for; None for anything else."""
    if not _POINTER.match(start) or size > 1024:  # the specification keeps pointers below 1,024 bytes
        return None
    oid, meant = _OID.search(start), _SIZE.search(start)
    facts = [Fact(tr("This file"), human_bytes(size))]
    if meant:
        facts.append(Fact(tr("The model"), human_bytes(int(meant[1]))))
    if oid:
        facts.append(Fact(tr("SHA-256 of the model"), oid[1].decode()))
    what = f"This is a pointer of {size} bytes, not the model: Git LFS keeps the model elsewhere."
    return catalog.summary("lfs-pointer", what=what, facts=tuple(facts))


def recognise_other(start: bytes, size: int, catalog: Catalog) -> Summary | None:
    """A web page, an archive, a picture, a program or a text by its first bytes; None for unknown bytes."""
    lead = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    if lead.startswith(_HTML) and b"<" in start:
        title = _TITLE.search(start)
        facts = (Fact(tr("Title of the page"), one_line(title[1].decode("utf-8", "replace").strip())),) if title else ()
        return catalog.summary("html", facts=facts)
    for id, known in (("archive", _ARCHIVES), ("image", _IMAGES), ("program", _PROGRAMS)):
        for magic, kind in known:
            if start.startswith(magic):
                return catalog.summary(id, facts=(Fact(tr("Kind"), kind), Fact(tr("Size"), human_bytes(size))))
    if start[257:262] == b"ustar":
        return catalog.summary("archive", facts=(Fact(tr("Kind"), "tar"), Fact(tr("Size"), human_bytes(size))))
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return catalog.summary("image", facts=(Fact(tr("Kind"), tr("WebP image")), Fact(tr("Size"), human_bytes(size))))
    if _is_text(start, len(start) < size):
        line = one_line(start.decode("utf-8", "ignore").strip().split("\n", 1)[0])
        return catalog.summary("text", facts=(Fact(tr("First line"), line), Fact(tr("Size"), human_bytes(size))))
    return None


def _is_text(start: bytes, cut: bool) -> bool:
    text = start[:-3] if cut and len(start) > 3 else start  # the cut may go through a character
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        if not cut or error.start < len(text) - 3:
            return False
        decoded = text[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\r\n\f" for c in decoded)


def unknown(start: bytes, size: int, catalog: Catalog, findings: tuple[Finding, ...] = ()) -> Summary:
    """A file of no known kind, with its first bytes in hexadecimal and as text."""
    first = start[:_DUMP_BYTES]
    facts = (
        Fact(tr("First bytes"), first.hex(" ")),
        Fact(tr("As text"), "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in first)),
        Fact(tr("Size"), human_bytes(size)),
    )
    if first and not any(start):
        zeros = Finding(
            "error",
            tr("The file begins with zeros only."),
            tr("Space was set aside for it, but not filled."),
            tr("Download it again."),
        )
        findings = (zeros, *findings)
    return catalog.summary("unknown", facts=facts, findings=findings)
