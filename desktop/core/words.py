"""The words of the window in the user's language: one catalogue for each, English is what stands in the code.

The language is that of the environment's ``HEFT_LANGUAGE``: the window sets it before anything with words is imported,
helper processes inherit it, and a command without it speaks English. Catalogues are Qt Linguist's files
(``resources/translations/heft_*.ts``), written anew by ``packaging/catalogue.py``. What has no translation is English.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

VARIABLE = "HEFT_LANGUAGE"
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "de": "Deutsch", "zh_CN": "简体中文"}  # as their speakers call them
_FOLDER = "translations"


def tr(text: str, /, **values: object) -> str:
    """``text`` in the user's language, with ``values`` in the place of their names: ``tr("{n} of {all}", n=1, all=2)``.

    Without values, braces are braces. A translation whose places are others than the text's is not used.
    """
    catalogue = _catalogue(os.environ.get(VARIABLE, ENGLISH))
    found = catalogue.get(text, text) if catalogue else text
    if not values:
        return found
    try:
        return found.format(**values)
    except (LookupError, ValueError, AttributeError):
        return text.format(**values)


def counted(number: int | str, noun: str, *, one: bool | None = None) -> str:
    """``counted(1, "file")``: ``1 file``, ``counted(2, "file")``: ``2 files``; the catalogue has both forms.

    ``one`` tells whether a number that is written already stands for a single thing.
    """
    single = str(number) == "1" if one is None else one
    written = number if isinstance(number, str) else f"{number:,}"
    return tr(f"{{n}} {noun}" if single else f"{{n}} {noun}s", n=written)


def language() -> str:
    """The code of the language in use, "en" where there is no catalogue of another."""
    asked = os.environ.get(VARIABLE, ENGLISH)
    return asked if asked in LANGUAGES else ENGLISH


def language_of(locale: str) -> str:
    """The language for a system's locale (``de_AT.UTF-8``): one that there is a catalogue of, else English."""
    name = locale.partition(".")[0].partition("@")[0].replace("-", "_")
    if name in LANGUAGES:
        return name
    return next((code for code in LANGUAGES if code.partition("_")[0] == name.partition("_")[0]), ENGLISH)


@cache
def _catalogue(code: str) -> dict[str, str]:
    if code == ENGLISH or code not in LANGUAGES:
        return {}
    from xml.etree.ElementTree import ParseError  # neither is needed where the window speaks English

    import resources

    try:
        return parsed(Path(resources.__file__).parent.joinpath(_FOLDER, f"heft_{code}.ts").read_bytes())
    except (OSError, ParseError):
        return {}


def parsed(document: bytes) -> dict[str, str]:
    """Translations by English text, of a catalogue; those not finished or obsolete are left out. ParseError."""
    from xml.etree import ElementTree

    found = {}
    for message in ElementTree.fromstring(document).iter("message"):
        source, translation = message.findtext("source"), message.find("translation")
        if source and translation is not None and not translation.get("type") and translation.text:
            found[source] = translation.text
    return found
