"""Forges a small model of every architecture: llama.cpp itself says which tensors its loader wants, and how large.

As a program it lists them, a JSON line per architecture named on the command line, in a process that a failed
assertion may end (``llama_model_init_from_user`` of llama.h builds a model of hyperparameters alone); without a name it
lists the architectures.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.architecture_keys import Long, keys_of
from support.forge import Value, write

_U32, _F32, _BOOL, _STRING, _ARRAY, _U64 = 4, 6, 7, 8, 9, 10
_NOT_A_MODEL = ("clip", "gptj")  # names of llama-arch.cpp without a loader
_OTHERWISE = {"rwkv6qwen2": ("time_mix_first",)}  # optional tensors by which a graph tells another architecture
SECONDS = 120.0


@dataclass(frozen=True)
class Wanted:
    """The tensors of an architecture, name and dimensions; ``refused`` says why there are none."""

    architecture: str
    tensors: tuple[tuple[str, tuple[int, ...]], ...] = ()
    refused: str = ""


def architectures() -> list[str]:
    """Names of all architectures of this engine, as it says them."""
    done = _run()
    done.check_returncode()
    return [name for name in done.stdout.split() if name not in _NOT_A_MODEL]


def _run(*names: str) -> subprocess.CompletedProcess[str]:
    """This module as a process of its own: a loader may end it."""
    command = [sys.executable, "-m", "support.forge_architectures", *names]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment)


def wanted(names: Sequence[str]) -> Iterator[Wanted]:
    """What each architecture's loader asks for; one that ends the process is started behind again."""
    left = list(names)
    while left:
        done = _run(*left)
        for line in done.stdout.splitlines():
            if not line.startswith("{"):  # what a loader says besides
                continue
            found = json.loads(line)
            tensors = tuple((name, tuple(dims)) for name, dims in found["tensors"])
            left.remove(found["architecture"])
            yield Wanted(found["architecture"], tensors, found["refused"])
        if done.returncode:
            yield Wanted(left.pop(0), refused=_last_line(done.stderr))


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("[", "#"))]
    asserted = [line for line in lines if "GGML_ASSERT" in line or "GGML_ABORT" in line]
    return (asserted or lines or ["ended without a word"])[-1].strip()


def metadata(name: str) -> dict[str, Value]:
    """All metadata of the small model of an architecture."""
    entries = {"general.architecture": Value(_STRING, name), "tokenizer.ggml.model": Value(_STRING, "no_vocab")}
    for key, value in keys_of(name).items():
        entries[key[1:] if key.startswith(".") else f"{name}.{key}"] = _value(value)
    return entries


def _value(value: Any) -> Value:
    match value:
        case bool():
            return Value(_BOOL, value)
        case float():
            return Value(_F32, value)
        case int():
            return Value(_U32, value)
        case Long():
            return Value(_ARRAY, struct.pack(f"<{len(value)}Q", *value), _U64, len(value))
        case [float(), *_]:
            return Value(_ARRAY, struct.pack(f"<{len(value)}f", *value), _F32, len(value))
    return Value(_ARRAY, struct.pack(f"<{len(value)}I", *value), _U32, len(value))


def forge_architecture(path: Path, of: Wanted, *, floats: bool = False) -> Path:
    """The model as a file with zeros for weights; ``floats``: every matrix is F32."""
    left_out = _OTHERWISE.get(of.architecture, ())
    parts = [
        (name, dims, "F32" if floats else _kind(name, dims))
        for name, dims in of.tensors
        if not any(part in name for part in left_out)
    ]
    return write(path, metadata(of.architecture), parts, hollow=True)


_EXACT = ("norm", "conv", "ssm_a", "ssm_d", "_inp.", "bias", "altup", "time_mix", "position", "token_types", "scale")


def _kind(name: str, dims: tuple[int, ...]) -> str:
    """What a converter makes of a tensor: matrices are quantized, where a row has whole blocks."""
    matrix = len(dims) > 1 and dims[1] > 1 and not any(part in name for part in _EXACT)
    return "Q8_0" if matrix and dims[0] % 32 == 0 else "F32"


# -- the process that asks -----------------------------------------------------------------------------


class _Tensor(ctypes.Structure):
    """The beginning of ``ggml_tensor`` (ggml.h)."""

    _fields_ = (("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4))


@cache
def _library() -> Any:
    import llama_cpp.llama_cpp as lib

    return lib


def _asked(name: str, folder: Path) -> dict[str, Any]:
    lib = _library()
    base = ctypes.CDLL(str(Path(lib.__file__).parent / "lib" / "libggml-base.so"))
    base.gguf_init_from_file.restype, base.gguf_init_from_file.argtypes = ctypes.c_void_p, [ctypes.c_char_p, _Init]
    base.ggml_get_name.restype, base.ggml_get_name.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    base.gguf_free.argtypes = [ctypes.c_void_p]
    path = write(folder / "keys.gguf", metadata(name), [])
    described = base.gguf_init_from_file(os.fsencode(path), _Init(True, None))
    tensors: dict[str, tuple[int, ...]] = {}

    def tell(tensor: int, _data: object) -> None:
        dims = list(ctypes.cast(tensor, ctypes.POINTER(_Tensor)).contents.ne)
        while len(dims) > 1 and dims[-1] == 1:
            dims.pop()
        tensors[base.ggml_get_name(tensor).decode()] = tuple(dims)

    log: list[str] = []
    keep = lib.llama_log_callback(lambda level, text, _: log.append(text.decode()) if level >= 3 and text else None)
    lib.llama_log_set(keep, None)
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(tell)
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    create = lib._lib.llama_model_init_from_user
    create.restype = ctypes.c_void_p
    create.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, lib.llama_model_params]
    model = create(described, ctypes.cast(callback, ctypes.c_void_p), None, params)
    refused = "" if model else " ".join("".join(log).split())[-200:]
    if model:
        lib.llama_model_free(model)
    base.gguf_free(described)
    return {"architecture": name, "tensors": list(tensors.items()) if model else [], "refused": refused}


class _Init(ctypes.Structure):
    """``gguf_init_params`` (gguf.h)."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def main(names: Iterable[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            sys.stdout.write(json.dumps(_asked(name, Path(folder))) + "\n")
            sys.stdout.flush()


def _all_names() -> Iterator[str]:
    name = _library()._lib._Z13llm_arch_name8llm_arch
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.c_int]
    for number in range(1000):
        found = name(number).decode()
        if found == "(unknown)":
            return
        yield found


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        sys.stdout.write("\n".join(_all_names()))
