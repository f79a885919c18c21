"""What people paste to name a file on the Hub, as the one form the rest understands: ``hf:OWNER/REPO/FILE[@REV]``."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

PREFIX = "hf:"
_PARTS = ("repo", "file", "rev")
_PART = r"[A-Za-z0-9][\w.\-]*"
_ADDRESS = re.compile(rf"(?:hf:)?(?:/*)(?P<repo>{_PART}/{_PART})/(?P<file>[^@\s]+?)(?:@(?P<rev>\S+))?")
# A file's page (blob), its download (resolve) or its plain text (raw), with a revision, whose slashes are quoted.
_PAGE = re.compile(rf"/(?P<repo>{_PART}/{_PART})/(?:blob|resolve|raw)/(?P<rev>[^/]+)/(?P<file>.+)")


def hub_address(text: str) -> str:
    """The address in ``text``: with or without ``hf:``, or a file's page or download link; "" when there is none."""
    text = text.strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        found = _PAGE.fullmatch(urlsplit(text).path)
        repo, file, revision = (unquote(found[part]) for part in _PARTS) if found else ("", "", "")
    else:
        found = _ADDRESS.fullmatch(text)
        repo, file, revision = (found[part] or "" for part in _PARTS) if found else ("", "", "")
    if not file:
        return ""
    return f"{PREFIX}{repo}/{file}" + (f"@{revision}" if revision not in ("", "main") else "")
