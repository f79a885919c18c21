"""Header facts remembered between scans, so that only new and changed files are opened."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from desktop.store.gguf_files import Facts, facts_of
from desktop.system.atomic import write_atomically

# Raise it when Facts or what the parser finds changes: older caches are then read anew.
CACHE_VERSION = 4


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    size: int
    modified_ns: int
    facts: msgspec.Raw  # decoded when asked for: all of them at once would hold up every thread for 0.1 s


class _Document(msgspec.Struct, frozen=True):
    version: int
    entries: dict[str, _Entry]


class HeaderCache:
    """Facts by path, size and time of change. One scan loads it, uses it and saves it; not shared by threads."""

    def __init__(self, file: Path) -> None:
        """A cache that is missing, damaged or of another version is an empty one."""
        self._file = file
        self._entries: dict[str, _Entry] = {}
        self._seen: set[str] = set()
        self._changed = False
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            document = msgspec.json.decode(file.read_bytes(), type=_Document)
            if document.version == CACHE_VERSION:
                self._entries = document.entries

    def facts(self, path: Path, size: int, modified_ns: int) -> Facts:
        """The facts of a file with this size and time of change (ns since the epoch); OSError when unreadable."""
        key = str(path)
        self._seen.add(key)
        known = self._entries.get(key)
        if known is not None and (known.size, known.modified_ns) == (size, modified_ns):
            with contextlib.suppress(msgspec.MsgspecError):
                return msgspec.json.decode(known.facts, type=Facts)
        facts = facts_of(path)
        self._entries[key] = _Entry(size, modified_ns, msgspec.Raw(msgspec.json.encode(facts)))
        self._changed = True
        return facts

    def forget_unseen(self) -> None:
        """Drop the files that were not asked for: they are gone."""
        gone = self._entries.keys() - self._seen
        for key in gone:
            del self._entries[key]
        self._changed = self._changed or bool(gone)

    def save(self) -> None:
        """Write the cache if it changed. It is a convenience: a full or read-only disk is not an error."""
        if not self._changed:
            return
        # A name that is no valid Unicode (surrogates) cannot be kept in JSON; such a file is read each time.
        entries = {key: entry for key, entry in self._entries.items() if _plain(key)}
        with contextlib.suppress(OSError):
            write_atomically(self._file, msgspec.json.encode(_Document(CACHE_VERSION, entries)), durable=False)
            self._changed = False


def _plain(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
