"""Which addresses of an answer may be handed to the browser, and why the others may not."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from desktop.core.text import chat_text

OPENABLE_SCHEMES = ("http", "https", "mailto")


@dataclass(frozen=True, slots=True)
class LinkVerdict:
    """``address`` is what to show and, when ``openable``, what to open; ``reason`` says why it stays closed."""

    address: str
    openable: bool
    reason: str


def judge_link(address: str) -> LinkVerdict:
    """Decide on an address exactly as written; only http, https and mailto can be opened."""
    shown = chat_text(address.strip())
    try:
        parts = urlsplit(shown)
        host = parts.hostname
    except ValueError:
        return LinkVerdict(shown, False, "This is not a valid address.")
    scheme = parts.scheme.lower()
    if shown != address.strip() or chat_text(unquote(shown)) != unquote(shown):
        return LinkVerdict(shown, False, "The address contains hidden characters.")
    if not scheme:
        return LinkVerdict(shown, False, "The address names no site, so there is nothing to open.")
    if scheme not in OPENABLE_SCHEMES:
        return LinkVerdict(shown, False, f"Addresses that start with “{scheme}:” are not opened from a chat.")
    if scheme == "mailto":
        return LinkVerdict(shown, bool(parts.path), "" if parts.path else "The address names no recipient.")
    if not host:
        return LinkVerdict(shown, False, "The address names no site, so there is nothing to open.")
    if parts.username is not None:
        return LinkVerdict(shown, False, f"The address carries a user name to disguise its site, {host}.")
    return LinkVerdict(shown, True, "")
