"""Backends as libraries: a portable engine carries one per generation of CPUs, and takes the best at its start.

How llama.cpp finds and rates them: ggml/src/ggml-backend-reg.cpp (ggml_backend_load_best). It would search the folder
of the program and the current directory by itself; here only the engine's own folder is searched.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

_CPU_PATTERN = "*ggml-cpu-*"


def backend_folder(package: Path) -> Path | None:
    """Where the backends of the engine at ``package`` lie: with its libraries (bundle) or beside it (wheel)."""
    for folder in (package / "lib", package.parent / "bin"):
        if any(folder.glob(_CPU_PATTERN)):
            return folder
    return None


def load_backends(library: ctypes.CDLL, package: Path) -> None:
    """Load the best backend of each kind; nothing to do where they are compiled in.

    Call before ``llama_backend_init``, once per process. ``library`` is libllama with what it depends on.
    """
    count = library.ggml_backend_reg_count
    count.restype, count.argtypes = ctypes.c_size_t, []
    folder = backend_folder(package)
    if count() or folder is None:
        return
    load = library.ggml_backend_load_all_from_path
    load.restype, load.argtypes = None, [ctypes.c_char_p]
    load(str(folder).encode())
