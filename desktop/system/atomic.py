"""Files that are written in one step: whoever reads sees the old content or the new, never a part.

Everything Heft keeps goes through here; what takes long to come (a download, parts that are joined) is written beside
its place by its owner and moved with :func:`put_in_place`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = ".heft-"  # begins the name of a file that is not finished
PRIVATE = 0o600  # Heft's own data: nobody else's to read
SHARED = 0o666  # what the user saves or other programs read: as the umask says


def write_atomically(path: Path, content: bytes | memoryview, *, durable: bool = True) -> None:
    """Write all of a file of Heft's own; as :func:`atomic_file` otherwise."""
    with atomic_file(path, durable=durable) as stream:
        stream.write(content)


def save_for_user(path: Path, content: bytes) -> None:
    """Write all of a file the user asked for; as :func:`user_file` otherwise."""
    with user_file(path) as stream:
        stream.write(content)


@contextmanager
def user_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream into a file the user asked for, as readable for others as all of the user's files.

    As :func:`atomic_file`, but in a folder that is there: one that was mistyped is not made.
    """
    path.parent.stat()
    with atomic_file(path, mode=SHARED) as stream:
        yield stream


@contextmanager
def atomic_file(
    path: Path, *, mode: int = PRIVATE, durable: bool = True, folder: Path | None = None
) -> Iterator[IO[bytes]]:
    """A stream into a file that takes its place when the block ends; makes the folder where it is missing.

    It is written in ``folder``, of the same file system, or beside the target. ``durable`` waits until the content is
    on the disk; a cache that can be made again need not. Raises OSError (full disk, unwritable folder); then, and
    when the block raises, the target is as it was and nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_file(folder or path.parent, mode=mode) as unfinished:
        with unfinished.open("wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        put_in_place(unfinished, path)


def put_in_place(finished: Path, path: Path) -> None:
    """Give a finished file the name it is to have, in place of what has it. Raises OSError."""
    finished.replace(path)


@contextmanager
def scratch_file(folder: Path, suffix: str = "", *, mode: int = PRIVATE) -> Iterator[Path]:
    """An empty file of a new name in an existing folder, gone when the block ends. Raises OSError."""
    path = folder / f"{PREFIX}{os.urandom(8).hex()}{suffix}"
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)):
        pass
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
