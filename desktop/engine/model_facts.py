"""What a load has to know of a file before llama.cpp reads it; out of its header, once per file."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory import ModelShape, shape_of
from desktop.core.memory.packing import LATENT_KEYS


@dataclass(frozen=True)
class ModelFacts:
    """``shape`` is None, and nothing else known, where the header cannot be read: the load says what is wrong."""

    shape: ModelShape | None = None
    latent_keys: bool = False


def facts_of(path: str) -> ModelFacts:
    """The facts of a file, read again when it has changed."""
    try:
        status = os.stat(path)  # noqa: PTH116 - paths may hold any bytes
    except OSError:
        return ModelFacts()
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: str, _size: int, _mtime_ns: int) -> ModelFacts:
    with suppress(OSError, ValueError, FileFormatError), open(os.fsencode(path), "rb") as file:  # noqa: PTH123
        # freed with its last reader: closed here, it raises BufferError while an error's traceback still holds it
        header = read_header(BytesSource(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))))
        return ModelFacts(shape_of(header), any(LATENT_KEYS in tensor.name for tensor in header.tensors))
    return ModelFacts()
