"""Zip archives over a byte source: the directory at the end, and one entry at a time within a limit.

Format: PKWARE APPNOTE.TXT 6.3, with Zip64. Nothing is extracted; names are only names.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from desktop.core.errors import FileFormatError
from desktop.core.formats.reading import read
from desktop.core.gguf.cursor import DAMAGED
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.words import tr

STORED, DEFLATED = 0, 8
MAX_COMMENT = 65_535
MAX_DIRECTORY = 8 << 20
MAX_ENTRIES = 65_536

_END = struct.Struct("<4s4H2LH")  # signature, disks, entries here and in all, directory size and offset, comment
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file of an archive; ``header_offset`` is where its local header lies in the source."""

    name: str
    method: int
    compressed_bytes: int
    bytes: int
    header_offset: int
    encrypted: bool


def find_directory(source: ByteSource) -> tuple[ZipEntry, ...] | None:
    """The entries of the zip archive that ends the source, or None when there is none.

    FileFormatError when the archive's end is there but its directory is not.
    """
    end_at = _find_end(source)
    if end_at is None:
        return None
    fields = _END.unpack(read(source, end_at, _END.size, "the end of the zip directory"))
    count, size, offset = fields[4], fields[5], fields[6]
    directory_end = end_at
    locator_at = end_at - _LOCATOR64.size
    if locator_at >= 0:
        signature, _, end64_at, _ = _LOCATOR64.unpack(read(source, locator_at, _LOCATOR64.size, "the Zip64 locator"))
        if signature == b"PK\x06\x07":
            directory_end = _end64(source, end64_at, locator_at)
            fields = _END64.unpack(read(source, directory_end, _END64.size, "the Zip64 end"))
            count, size, offset = fields[7], fields[8], fields[9]
    if count > MAX_ENTRIES or size > MAX_DIRECTORY:
        raise FileFormatError(
            tr(
                "The zip directory claims {count:,} files in {size:,} bytes, more than Heft reads.",
                count=count,
                size=size,
            ),
            DAMAGED,
            offset=end_at,
        )
    # Offsets count from the archive's beginning, which lies behind a program that was put in front of it.
    start = directory_end - size
    shift = start - offset if start >= offset else 0
    return _entries(read(source, start, size, "the zip directory"), count, start, shift)


def _find_end(source: ByteSource) -> int | None:
    base = max(0, source.size - _END.size - MAX_COMMENT)
    tail = read(source, base, source.size - base, "the end of the file")
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if len(tail) - at >= _END.size and _END.unpack_from(tail, at)[7] <= len(tail) - at - _END.size:
            return base + at
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return None


def _end64(source: ByteSource, claimed: int, locator_at: int) -> int:
    # The record usually ends where its locator begins; the claimed place is wrong behind a prepended program.
    usual = locator_at - _END64.size
    for at in (usual, claimed):
        if 0 <= at <= usual and read(source, at, 4, "the Zip64 end") == b"PK\x06\x06":
            return at
    raise FileFormatError(tr("The zip archive's Zip64 record is missing."), DAMAGED, offset=locator_at)


def _entries(data: bytes, count: int, start: int, shift: int) -> tuple[ZipEntry, ...]:
    found: list[ZipEntry] = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(data) or data[at : at + 4] != b"PK\x01\x02":
            raise FileFormatError(
                tr("The zip directory breaks off after {found:,} of {count:,} files.", found=len(found), count=count),
                DAMAGED,
                offset=start + at,
            )
        fields = _CENTRAL.unpack_from(data, at)
        flags, method, packed, size = fields[3], fields[4], fields[8], fields[9]
        name_length, extra_length, comment_length, offset = fields[10], fields[11], fields[12], fields[16]
        at += _CENTRAL.size
        raw_name = data[at : at + name_length]
        extra = data[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        size, packed, offset = _zip64_sizes(extra, size, packed, offset)
        name = raw_name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
        found.append(ZipEntry(name, method, packed, size, offset + shift, bool(flags & 1)))
    return tuple(found)


def _zip64_sizes(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            values = iter(struct.unpack(f"<{length // 8}Q", extra[at + 4 :][: length // 8 * 8].ljust(length // 8 * 8)))
            size, packed, offset = (
                next(values, field) if field == 0xFFFFFFFF else field for field in (size, packed, offset)
            )
        at += 4 + length
    return size, packed, offset


def data_offset(source: ByteSource, entry: ZipEntry) -> int:
    """Where the bytes of an entry begin in the source; FileFormatError when its local header is not there."""
    fields = _LOCAL.unpack(
        read(source, entry.header_offset, _LOCAL.size, f"the zip header of '{one_line(entry.name, 80)}'")
    )
    if fields[0] != b"PK\x03\x04":
        raise FileFormatError(
            tr("'{name}' is not where the zip directory says.", name=one_line(entry.name, 80)),
            DAMAGED,
            offset=entry.header_offset,
        )
    return int(entry.header_offset + _LOCAL.size + fields[9] + fields[10])


def read_entry(source: ByteSource, entry: ZipEntry, limit: int) -> bytes:
    """Up to ``limit`` bytes of an entry's content; FileFormatError when it cannot be had."""
    name = one_line(entry.name, 80)
    if entry.encrypted or entry.method not in (STORED, DEFLATED):
        raise FileFormatError(tr("'{name}' is encrypted or packed in a way Heft does not read.", name=name), DAMAGED)
    start = data_offset(source, entry)
    packed = read(source, start, min(entry.compressed_bytes, limit), f"'{name}'")
    if entry.method == STORED:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, limit)
    except zlib.error as error:
        raise FileFormatError(
            tr("'{name}' cannot be unpacked: {error}.", name=name, error=error), DAMAGED, offset=start
        ) from None
