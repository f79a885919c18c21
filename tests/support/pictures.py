"""Pictures for tests, made by Qt: ordinary, turned, with a place in them."""

from __future__ import annotations

import struct

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QColor, QImage, QImageWriter

RED, BLUE = QColor("#c03030"), QColor("#3050c0")
PLACE = b"GPSLatitude 52.5200"  # stands for where a picture was taken


def image(width: int, height: int, *, left: QColor = RED, right: QColor = BLUE) -> QImage:
    """Two halves of two colours, so that a turned picture is known."""
    row = struct.pack("<I", left.rgb()) * (width // 2) + struct.pack("<I", right.rgb()) * (width - width // 2)
    return QImage(row * height, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def encoded(picture: QImage, form: str = "png", text: str = "") -> bytes:
    """The picture as a file; ``text`` is written into it, as cameras and programs do."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(form.encode()))
    if text:
        writer.setText("Comment", text)
    assert writer.write(picture), writer.errorString()
    return bytes(buffer.data().data())


def turned_jpeg(picture: QImage, orientation: int) -> bytes:
    """A JPEG whose Exif says how it was held (1 to 8), with a place in it (Exif 2.3, 4.6)."""
    plain = encoded(picture, "jpeg")
    entry = struct.pack("<HHII", 0x0112, 3, 1, orientation) + struct.pack("<HHII", 0x010E, 2, len(PLACE), 38)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entry + struct.pack("<I", 0) + PLACE
    exif = b"Exif\0\0" + tiff
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
