"""Backends as libraries: a portable engine carries one per generation of CPUs, and takes the best at its start.

How llama.cpp finds and rates them: ggml/src/ggml-backend-reg.cpp (ggml_backend_load_best). Left alone it would search
the folder of the program and the current directory; here only the engine's own folder is searched, and beside it the
tested libraries of the user's folder (:mod:`desktop.engine.further_backends`).
"""

from __future__ import annotations

import ctypes
import os
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from desktop.engine.builder.recipe import LOADER, LOADER_FOLDER
from desktop.engine.further_backends import FOLDER_VARIABLE, usable_libraries

RPC_VARIABLE = "HEFT_RPC"  # "host:port host:port": llama.cpp RPC servers whose devices the engine may use
_CPU_PATTERN = "*ggml-cpu-*"
_CPU_DEVICE = 0  # GGML_BACKEND_DEVICE_TYPE_CPU (ggml/include/ggml-backend.h)
_BACKEND = re.compile(r"(?:lib)?ggml-([\w-]+)\.(?:so|dll)")
_CHOSEN_CPU = re.compile(r"loaded CPU backend from .*ggml-cpu-(\w+)\.")  # ggml_backend_registry::load_backend


def engine_package() -> Path:
    """Where llama-cpp-python lies; it is not imported. RuntimeError when it is not installed."""
    spec = find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise RuntimeError("llama-cpp-python is not installed")
    return Path(spec.origin).parent


def backend_folder(package: Path) -> Path | None:
    """Where the backends of the engine at ``package`` lie: with its libraries (bundle) or beside it (wheel)."""
    for folder in (package / "lib", package.parent / "bin"):
        if any(folder.glob(_CPU_PATTERN)):
            return folder
    return None


def load_backends(library: ctypes.CDLL, package: Path) -> None:
    """Load the tested further backends, then the best of each kind where none is compiled in: of two that reach the
    same card llama.cpp takes the first, and so does the server (native/control.cpp).

    Call before ``llama_backend_init``, once per process. ``library`` is libllama with what it depends on. Raises
    RuntimeError when there is none for the CPU, in the loader's words: llama.cpp says nothing of a backend that the
    system's loader refuses, goes on to search the current directory when there is none at all, and aborts at the first
    load when there are only others.
    """
    count = library.ggml_backend_reg_count
    count.restype, count.argtypes = ctypes.c_size_t, []
    os.environ.pop("GGML_BACKEND_PATH", None)  # names one more library, which nobody has tested
    folder = backend_folder(package)
    compiled_in = bool(count())
    for file in usable_libraries(os.environ.get(FOLDER_VARIABLE, ""), package):
        load_backend(library, file)
    if not compiled_in and folder is not None:
        load = library.ggml_backend_load_all_from_path
        load.restype, load.argtypes = None, [ctypes.c_char_p]
        load(os.fsencode(folder))
    if not _has_cpu(library):
        raise RuntimeError(f"the engine at {package} has no backend for this CPU{_why_none(folder)}")


def server_libraries(package: Path, cpu_variant: str) -> list[Path]:
    """What a server of the engine at ``package`` is told to load first (native/control.cpp): tested further backends.

    Behind them the engine's own where those are libraries, the one for this CPU by ``cpu_variant``
    (:func:`chosen_cpu`): a llama.cpp that has any backend looks for no other by itself, and a model without the CPU's
    does not load. Without knowing which that is there are none.
    """
    further = [loadable(file) for file in usable_libraries(os.environ.get(FOLDER_VARIABLE, ""), package)]
    folder = backend_folder(package)
    if folder is None or not further:
        return further
    own = {found[1]: file for file in sorted(folder.glob("*ggml-*")) if (found := _BACKEND.fullmatch(file.name))}
    chosen = f"cpu-{cpu_variant}"
    if chosen not in own:
        return []
    return [*further, *(file for name, file in own.items() if name == chosen or not name.startswith(("cpu-", "base")))]


def _has_cpu(library: ctypes.CDLL) -> bool:
    find = library.ggml_backend_dev_by_type
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_int]
    return bool(find(_CPU_DEVICE))


def _why_none(folder: Path | None) -> str:
    """What the loader says of the first CPU backend that it refuses."""
    for file in sorted(folder.glob(_CPU_PATTERN)) if folder is not None else ():
        try:
            ctypes.CDLL(str(file))
        except OSError as error:
            return f"\n{error.__cause__ or error}"  # a frozen program's ctypes has words of its own for it
    return ""


def load_backend(library: ctypes.CDLL, file: Path) -> int | None:
    """Load one backend; its registration, None when llama.cpp refuses it (its log says why)."""
    load = library.ggml_backend_load
    load.restype, load.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    registration: int | None = load(os.fsencode(loadable(file)))
    return registration


def loadable(file: Path) -> Path:
    """By which path a backend is loaded: where the system has no Vulkan loader, through the link beside the one that
    came with it (desktop/engine/builder/vulkan.py); the search path of a library begins where it was opened.
    """
    linked = file.parent / LOADER_FOLDER / file.name
    return linked if linked.exists() and not _system_has_loader() else file


@lru_cache(maxsize=1)
def _system_has_loader() -> bool:
    try:
        ctypes.CDLL(LOADER)
    except OSError:
        return False
    return True


def chosen_cpu(log: str) -> str:
    """Which CPU backend a portable engine took ("zen4"), from its log; empty when it is compiled in."""
    found = _CHOSEN_CPU.search(log)
    return found[1] if found else ""
