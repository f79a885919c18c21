"""Which scripts a text is written in, of those for which a computer may have no font."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """``letters`` names them in a sentence, ``sample`` is one of them; ``font`` has them, ``package`` is Debian's."""

    letters: str
    sample: str
    font: str
    package: str


_CORE = "fonts-noto-core"
# first and last character (Unicode 16, Blocks.txt) and who has them (packages.debian.org, bookworm)
_SCRIPTS: tuple[tuple[str, Script], ...] = (
    (
        "\u2e80-\u2fdf\u3005-\u30ff\u3130-\u318f\u31f0-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9d",
        Script("Chinese, Japanese and Korean letters", "中", "Noto Sans CJK", "fonts-noto-cjk"),
    ),
    (
        "\u231a\u23e9-\u23f3\u2614\u2615\u2705\u2728\u274c\u2753-\u2757\U0001f300-\U0001faff",
        Script("emoji", "😀", "Noto Color Emoji", "fonts-noto-color-emoji"),
    ),
    ("\u0590-\u05ff", Script("Hebrew letters", "א", "Noto Sans Hebrew", _CORE)),
    ("\u0600-\u06ff\u0750-\u077f", Script("Arabic letters", "ع", "Noto Sans Arabic", _CORE)),
    ("\u0900-\u097f", Script("Devanagari letters", "अ", "Noto Sans Devanagari", _CORE)),
    ("\u0980-\u09ff", Script("Bengali letters", "অ", "Noto Sans Bengali", _CORE)),
    ("\u0b80-\u0bff", Script("Tamil letters", "அ", "Noto Sans Tamil", _CORE)),
    ("\u0e00-\u0e7f", Script("Thai letters", "ก", "Noto Sans Thai", _CORE)),
    ("\u10a0-\u10ff", Script("Georgian letters", "ა", "Noto Sans Georgian", _CORE)),
    ("\u0530-\u058f", Script("Armenian letters", "ա", "Noto Sans Armenian", _CORE)),
    ("\u1200-\u137f", Script("Ethiopic letters", "አ", "Noto Sans Ethiopic", _CORE)),
)
_FOUND = re.compile("|".join(f"([{characters}])" for characters, _ in _SCRIPTS))


def scripts_of(text: str) -> set[Script]:
    """The scripts of the table that the text has letters of."""
    if text.isascii():
        return set()
    return {_SCRIPTS[match.lastindex - 1][1] for match in _FOUND.finditer(text) if match.lastindex}


def missing_font_words(script: Script) -> str:
    """That letters cannot be shown, and what to install."""
    return (
        f"This computer has no font with {script.letters}, so boxes stand in their place. "
        f"Install one, such as {script.font} (on Debian and Ubuntu: {script.package})."
    )
