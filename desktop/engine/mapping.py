"""Memory of mapped model files that is not needed after a load.

llama.cpp maps a file and copies the tensors its CPU backend wants in another order (ggml-cpu/repack.cpp) into buffers
of their own. What was read for the copy stays in this process's resident memory although nothing reads it again: a
1B model at Q4_K held 547 MB twice. Told that they are not needed, Linux drops the pages at once; those of tensors
used in place come back from the page cache with their first use.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

_MADV_DONTNEED = 4  # include/uapi/asm-generic/mman-common.h


def model_files(first: Path) -> tuple[Path, ...]:
    """The file itself, or all shards of ``NAME-00001-of-00003.gguf``."""
    stem, of, _ = first.name.partition("-00001-of-")
    return tuple(first.parent.glob(f"{stem}-?????-of-?????.gguf")) if of else (first,)


def release_mapped(files: Iterable[Path]) -> None:
    """Drop the resident pages of read-only mappings of these files. Linux only; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    names = {os.path.realpath(file) for file in files}
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text("utf-8", "surrogateescape").splitlines():
        span, access, *_, name = line.split(maxsplit=5) if line.count(" ") >= 5 else (line, "", "")
        if name in names and "w" not in access:
            start, end = (int(edge, 16) for edge in span.split("-"))
            libc.madvise(start, end - start, _MADV_DONTNEED)
