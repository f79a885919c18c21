"""Numbers of tokens as people type and read them: ``32k``, ``1M``, ``32,768``. 1k is 1,024, as for context lengths."""

from __future__ import annotations

import re
import unicodedata

from desktop.core.errors import UsageError
from desktop.core.words import tr

ACCEPTED = "Type a number of tokens, such as 32768, 32,768, 32k or 1M."
_UNITS = {"": 1, "k": 1024, "ki": 1024, "m": 1024**2, "mi": 1024**2}
_LONGEST = 40  # characters that are looked at: more is no number of tokens
_TYPED = re.compile(r"(?P<number>\d[\d.,'’_ ]*?) ?(?P<unit>[km]i?)? ?(?:tokens?)? ?(?:of )?(?:context)?", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:(?P<mark>[.,'’_ ])\d{3})(?:(?P=mark)\d{3})*")
_DECIMAL = re.compile(r"(?P<whole>\d+)[.,](?P<part>\d+)")


def tokens_text(count: int) -> str:
    """A number of tokens in short, never rounded: ``32k`` and ``1.5M`` where that is exact, else ``33,000``."""
    million, thousand = _UNITS["m"], _UNITS["k"]
    if count >= million and count * 4 % million == 0:
        return f"{count / million:.2f}".rstrip("0").rstrip(".") + "M"
    return f"{count // thousand}k" if count >= thousand and count % thousand == 0 else f"{count:,}"


def read_tokens(text: str) -> int:
    """The number of tokens that a person typed. :class:`UsageError` says what is accepted.

    Any mark may group thousands, whatever the locale: 32,768 and 32.768 and 32 768 are the same, for there is no
    part of a token. Before a unit the mark is that of decimals: 1.5k and 1,5k are 1,536; what could be either, as
    1.024k, is refused.
    """
    typed = " ".join(unicodedata.normalize("NFKC", text[: _LONGEST + 1]).split())
    found = _TYPED.fullmatch(typed) if len(text.strip()) <= _LONGEST else None
    if found is None:
        raise UsageError(tr("“{typed}” is not a number of tokens.", typed=typed[:_LONGEST]), ACCEPTED)
    number, unit = found["number"].strip(), (found["unit"] or "").lower()
    if number.isdecimal():
        return int(number) * _UNITS[unit]
    if not unit and _GROUPED.fullmatch(number):
        return int(re.sub(r"\D", "", number))
    decimal = _DECIMAL.fullmatch(number)
    if decimal is None or not unit:
        raise UsageError(tr("“{typed}” is not a whole number of tokens.", typed=typed), ACCEPTED)
    if _GROUPED.fullmatch(number) and not number.startswith("0"):
        either = int(re.sub(r"\D", "", number)) * _UNITS[unit]
        raise UsageError(
            tr("“{typed}” can be read in two ways.", typed=typed),
            tr("Type the tokens in full, such as {either:,}.", either=either),
        )
    return round(float(f"{decimal['whole']}.{decimal['part']}") * _UNITS[unit])
