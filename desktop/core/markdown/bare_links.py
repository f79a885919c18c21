"""Addresses that stand in a text as they are (GitHub Flavored Markdown 0.29, section 6.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator

# an address ends before the letters and punctuation of East Asia, which follow it without a space
_END = r"\s<>`|\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
_ADDRESS = re.compile(
    rf"""(?<![A-Za-z0-9_@/.:-])(?<!=["'])(?:
        (?P<web>(?:https?://|www\.)[A-Za-z0-9\[][^{_END}]*)
      | (?P<mail>[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_TRAILING = "?!.,:;*_~'\"“”‘’«»…"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def _trimmed(text: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    while text:
        last = text[-1]
        if (last in _PAIRS and text.count(last) > text.count(_PAIRS[last])) or last in _TRAILING:
            text = text[:-1]
        else:
            break
    return text


def _target(match: re.Match[str], text: str) -> str:
    if match["mail"]:
        return "" if text[-1] in "-_" else f"mailto:{text}"
    host = re.split(r"[/?#]", text.partition("://")[2] or text, maxsplit=1)[0]
    if text.lower().startswith("www."):
        return f"http://{text}" if host.count(".") > 1 else ""
    return text if host else ""


def address_at(text: str, start: int, end: int) -> str:
    """The address with a scheme that begins at a place, as it is written; empty when none does."""
    match = _ADDRESS.match(text, start, end)
    found = _trimmed(match[0]) if match is not None else ""
    return found if match is not None and found and "://" in found and _target(match, found) else ""


def with_links(text: str) -> Iterator[tuple[str, str]]:
    """(text, address) of the stretches of a text, in order; the address is empty for what is no link."""
    position = 0
    for match in _ADDRESS.finditer(text):
        found = _trimmed(match[0])
        target = _target(match, found) if found else ""
        if target:
            if match.start() > position:
                yield text[position : match.start()], ""
            yield found, target
            position = match.start() + len(found)
    if position < len(text):
        yield text[position:], ""
