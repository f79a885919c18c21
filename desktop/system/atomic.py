"""Small files that are written in one step: whoever reads sees the old content or the new, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, prefix: str) -> None:
    """Write beside the target, onto the disk, then take its place; makes the folder where it is missing.

    ``prefix`` begins the name of the file meanwhile. Raises OSError (full disk, unwritable folder): then the target
    is as it was and nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
