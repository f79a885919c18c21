"""Heft's icon in every size a desktop asks for, painted from ``resources/icons/heft.svg``.

python packaging/icons.py FOLDER      heft-16.png ... heft-512.png, heft.ico, heft.icns
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parent.parent
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_TYPES = {16: b"icp4", 32: b"icp5", 64: b"icp6", 128: b"ic07", 256: b"ic08", 512: b"ic09"}


def png(renderer: QSvgRenderer, size: int) -> bytes:
    """The icon as a PNG file of ``size`` x ``size`` pixels."""
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs lack the overload for a device
    return bytes(data.data())


def ico(images: dict[int, bytes]) -> bytes:
    """A Windows icon file of PNG images (Windows Vista and later read them)."""
    head = struct.pack("<HHH", 0, 1, len(images))
    offset = len(head) + 16 * len(images)
    entries = b""
    for size, data in images.items():
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), offset)
        offset += len(data)
    return head + entries + b"".join(images.values())


def icns(images: dict[bytes, bytes]) -> bytes:
    """A macOS icon file of PNG images by their type codes."""
    body = b"".join(kind + struct.pack(">I", len(data) + 8) + data for kind, data in images.items())
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def main() -> None:
    """Write all of them into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    application = QGuiApplication([])
    renderer = QSvgRenderer(str(ROOT / "resources" / "icons" / "heft.svg"))
    images = {size: png(renderer, size) for size in SIZES}
    for size, data in images.items():
        (folder / f"heft-{size}.png").write_bytes(data)
    (folder / "heft.ico").write_bytes(ico({size: images[size] for size in ICO_SIZES}))
    (folder / "heft.icns").write_bytes(icns({kind: images[size] for size, kind in ICNS_TYPES.items()}))
    del application


if __name__ == "__main__":
    main()
