"""Memory of mapped model files that is not needed after a load.

llama.cpp maps a file and copies the tensors its CPU backend wants in another order (ggml-cpu/repack.cpp) into buffers
of their own. What was read for the copy stays in the engine's resident memory although nothing reads it again: a 1B
model at Q4_K held 547 MB twice. Told that they are not needed ("release" of server/native/control.cpp), Linux drops the
pages at once; those of tensors used in place come back from the page cache with their first use.
"""

from __future__ import annotations

from pathlib import Path


def model_files(first: Path) -> tuple[Path, ...]:
    """The file itself, or all shards of ``NAME-00001-of-00003.gguf``."""
    stem, of, _ = first.name.partition("-00001-of-")
    return tuple(first.parent.glob(f"{stem}-?????-of-?????.gguf")) if of else (first,)
