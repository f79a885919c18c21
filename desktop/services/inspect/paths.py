"""What people write to name a file or folder of this computer, and what to tell them when nothing is there."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from desktop.core.endpoint_model import endpoint_model
from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.hub_address import hub_address
from desktop.core.words import tr

_LOOKED_AT = 5_000  # names of a folder among which a misspelt one is looked for
_ENDING = re.compile(r"\.[A-Za-z]\w{1,11}$")
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def find_path(text: str) -> Path | None:
    """The file or folder a text names: as it stands, without quotes or spaces around it, or as a file:// address."""
    bare = text.strip().strip("\"'")
    if bare.lower().startswith("file:"):
        bare = unquote(urlsplit(bare).path)
    for candidate in dict.fromkeys((text, bare)):
        try:
            path = Path(candidate).expanduser()
            if candidate and path.exists():
                return path
        except (OSError, ValueError, RuntimeError):  # too long a name, a zero byte, a home nobody has
            continue
    return None


def nothing_there(text: str, error: HeftError) -> HeftError:
    """What to say where neither a path nor the library (whose word is ``error``) knows the name."""
    bare = text.strip().strip("\"'")
    path = Path(bare)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    with contextlib.suppress(OSError, ValueError):
        if path.is_symlink():
            return NotFoundError(
                tr("{path} is a link to {readlink}, which is not there.", path=path, readlink=path.readlink()),
                tr("Look for the file it meant."),
            )
    if error.kind == FailureKind.AMBIGUOUS or endpoint_model(bare) is not None or not _looks_like_path(bare):
        return error
    if _OF_WINDOWS.match(bare) and os.name != "nt":
        return NotFoundError(
            tr("There is no file at {bare}.", bare=bare),
            tr("This is how Windows names files; write the path of this system."),
        )
    address = hub_address(bare)
    if address is not None and bare[0] not in "./~\\":
        return NotFoundError(
            tr("There is no file at {bare}.", bare=bare), tr("If it is on the Hub, write {address}", address=address)
        )
    return NotFoundError(tr("There is no file at {path}.", path=path), _advice(path))


def _looks_like_path(text: str) -> bool:
    return "/" in text or "\\" in text or text[:1] == "~" or _ENDING.search(text) is not None


def _advice(path: Path) -> str:
    try:
        if not path.parent.is_dir():
            return f"There is no folder {path.parent} either. Check the path."
        beside = [entry.name for entry in islice(path.parent.iterdir(), _LOOKED_AT)]
    except (OSError, ValueError):
        return "Check the path."
    alike = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.85)
    if alike:
        return f"Did you mean {path.with_name(alike[0])}?"
    return "Check the path. The library lists the models known here."
