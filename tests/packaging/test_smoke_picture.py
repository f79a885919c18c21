"""Pictures of the smoke run: what Xvfb keeps, as PNG."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
COLOURS = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (1, 2, 3)], [(9, 8, 7), (250, 251, 252)]]
CODE = """
import sys
from pathlib import Path
from smoke_picture import pixels, png
Path(sys.argv[2]).write_bytes(png(*pixels(Path(sys.argv[1]))))
"""


def dump(bits: int = 32) -> bytes:
    """A screen of 2 x 3 pixels as XWDFile.h has it: with a name, two colours, and rows longer than the picture."""
    head = [0] * 25
    name = b"Xvfb\0\0\0\0"
    head[0], head[1], head[4], head[5], head[11], head[12], head[19] = 100 + len(name), 7, 2, 3, bits, 12, 2
    rows = b"".join(b"".join(bytes((b, g, r, 0)) for r, g, b in row) + b"\xee" * 4 for row in COLOURS)
    return struct.pack(">25I", *head) + name + b"\xcc" * 24 + rows


def rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def convert(tmp_path: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    (tmp_path / "screen").write_bytes(data)
    command = [sys.executable, "-c", CODE, str(tmp_path / "screen"), str(tmp_path / "screen.png")]
    return subprocess.run(command, cwd=PACKAGING, capture_output=True, text=True, timeout=60)


def test_a_screen_becomes_a_picture_of_the_same_colours(tmp_path: Path) -> None:
    done = convert(tmp_path, dump())
    assert done.returncode == 0, done.stderr
    picture = QImage(str(tmp_path / "screen.png"))
    assert (picture.width(), picture.height()) == (2, 3)
    seen = [[rgb(picture.pixelColor(x, y)) for x in range(2)] for y in range(3)]
    assert seen == COLOURS


@pytest.mark.parametrize("data", [dump(bits=16), b"\0" * 200])
def test_what_is_no_true_colour_screen_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "is no dump of a true-colour screen" in convert(tmp_path, data).stderr
