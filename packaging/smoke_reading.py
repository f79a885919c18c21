"""Reading the screen as a person does: recognised words of its picture, and how many of an answer's are among them.

Text recognition (Tesseract) looks from outside at what a user sees, and puts nothing into the root under trial; the
accessibility tree would need a D-Bus and a registry there, which a bare root has not, and tells what a program means to
show and not what is shown. It misreads a word now and then, so a share of the words decides.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from difflib import SequenceMatcher

READ_SECONDS = 60.0
READ_SHARE = 0.7  # of an answer's words; what was never shown scores below a third, by the words that any page has
LAST_WORDS = 40  # of a long answer, whose beginning is scrolled away
LONG_WORD, ALIKE = 6, 0.8  # one letter of six, eight or ten may be another
_WORD_LEVEL = "5"
SCALE = 2  # of the picture that Tesseract gets
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Word:
    """One word of a line, and where its middle is on the screen."""

    text: str
    x: int
    y: int


def read(width: int, height: int, rows: bytes) -> list[list[Word]]:
    """The lines that stand in a picture, top to bottom; RuntimeError when Tesseract fails."""
    command = ["tesseract", "-", "-", "--psm", "11", "tsv"]  # 11: text anywhere, in no order
    done = subprocess.run(
        command, input=enlarged(width, height, rows), capture_output=True, timeout=READ_SECONDS, check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    return lines_of(done.stdout.decode(errors="replace"))


def lines_of(table: str) -> list[list[Word]]:
    """Tesseract's table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    found: dict[tuple[str, ...], list[Word]] = {}
    for row in table.splitlines():
        columns = row.split("\t")
        if columns[0] == _WORD_LEVEL and len(columns) == 12 and columns[11].strip():
            left, top, width, height = map(int, columns[6:10])
            place = (left + width // 2) // SCALE, (top + height // 2) // SCALE
            found.setdefault(tuple(columns[1:5]), []).append(Word(columns[11].strip(), *place))
    return list(found.values())


def text_of(lines: list[list[Word]]) -> str:
    """The lines as text."""
    return "\n".join(" ".join(word.text for word in line) for line in lines)


def place_of(lines: list[list[Word]], phrase: str) -> tuple[int, int] | None:
    """Where the first word of a phrase is that stands in one line, give or take a letter."""
    wanted = words_of(phrase)
    for line in lines:
        for start, first in enumerate(line):
            follow = words_of(" ".join(word.text for word in line[start:]))[: len(wanted)]
            if words_of(first.text) and len(follow) == len(wanted) and all(map(is_read_as, wanted, follow)):
                return first.x, first.y
    return None


def stands_in(phrase: str, text: str) -> bool:
    """Whether all words of ``phrase`` can be read somewhere in ``text``."""
    seen = set(words_of(text))
    return all(any(is_read_as(word, other) for other in seen) for word in words_of(phrase))


def is_read_as(word: str, seen: str) -> bool:
    """Whether ``seen`` may be what was read for ``word``: the same, or of a long one nearly so."""
    return word == seen or (len(word) >= LONG_WORD and SequenceMatcher(None, word, seen).ratio() >= ALIKE)


def enlarged(width: int, height: int, rows: bytes) -> bytes:
    """Each pixel as four, as a PPM file: letters of a screen are half as high as Tesseract was taught."""
    out = bytearray(b"P6 %d %d 255\n" % (2 * width, 2 * height))
    for y in range(height):
        row = rows[3 * width * y : 3 * width * (y + 1)]
        wide = bytearray(6 * width)
        for colour in range(3):
            wide[colour::6] = wide[colour + 3 :: 6] = row[colour::3]
        out += wide + wide
    return bytes(out)


def words_of(text: str) -> list[str]:
    """The words of three letters and more, in lower case."""
    return _WORD.findall(text.lower())


def share_read(answer: str, seen: str) -> float:
    """How much of the end of ``answer`` stands in ``seen``, 0 to 1; 0 for an answer without words."""
    expected = words_of(answer)[-LAST_WORDS:]
    found = set(words_of(seen))
    return sum(word in found for word in expected) / len(expected) if expected else 0.0
