"""Files that go for good, all of them or none: through a failure, and through the end of the program in between."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from desktop.system.atomic import put_in_place, write_atomically

_ASIDE = ".heft.removing"  # behind a file's name while all of them are being moved aside


class _Journal(msgspec.Struct, frozen=True):
    files: tuple[str, ...]
    links: tuple[str, ...]


class Remover:
    """Removes sets of files. ``journal`` is a small file that says what is under way."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def remove(self, files: Sequence[Path], links: Sequence[Path] = ()) -> None:
        """Remove files, and links to them. Raises OSError: then everything is where it was."""
        with contextlib.suppress(OSError, UnicodeEncodeError):  # a full disk is no reason not to free some of it
            content = msgspec.json.encode(_Journal(tuple(map(str, files)), tuple(map(str, links))))
            write_atomically(self._journal, content)
        moved: list[Path] = []
        try:
            for file in files:
                put_in_place(file, _aside(file))
                moved.append(file)
        except OSError:
            for file in reversed(moved):
                with contextlib.suppress(OSError):
                    put_in_place(_aside(file), file)
            self._journal.unlink(missing_ok=True)
            raise
        self._unlink([*links, *map(_aside, files)])

    def finish(self) -> None:
        """Remove what an ended program was removing: the person had agreed to all of it."""
        try:
            begun = msgspec.json.decode(self._journal.read_bytes(), type=_Journal)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return
        files = [Path(name) for name in begun.files]
        self._unlink([Path(name) for name in begun.links] + files + [_aside(file) for file in files])

    def _unlink(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()
        with contextlib.suppress(OSError):
            self._journal.unlink()


def _aside(path: Path) -> Path:
    return path.with_name(path.name + _ASIDE)
