"""Pictures of the trial's screen as PNG files, from the file that Xvfb keeps its pixels in (``-fbdir``)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

HEADER = struct.Struct(">25I")  # XWDFile.h of the X Window System, version 7
COLOUR_BYTES = 12  # one entry of the colour table after the header


def pixels(dump: Path) -> tuple[int, int, bytes]:
    """Width, height and the rows, red, green and blue for each pixel, of a dump with 32 bits a pixel (ValueError)."""
    data = dump.read_bytes()
    head = HEADER.unpack_from(data)
    size, version, width, height, bits, stride, colours = (head[i] for i in (0, 1, 4, 5, 11, 12, 19))
    if version != 7 or bits != 32:
        raise ValueError(f"{dump} is no dump of a true-colour screen")
    start = size + colours * COLOUR_BYTES
    rows = bytearray(3 * width * height)
    for y in range(height):
        row = data[start + y * stride : start + y * stride + 4 * width]  # blue, green, red, nothing
        for colour in range(3):
            rows[3 * width * y + colour : 3 * width * (y + 1) : 3] = row[2 - colour :: 4]
    return width, height, bytes(rows)


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG file of ``rows`` as :func:`pixels` has them."""
    lines = b"".join(b"\0" + rows[3 * width * y : 3 * width * (y + 1)] for y in range(height))
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
