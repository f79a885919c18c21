"""Loads a model in the ways asked for and says what llama.cpp allocated, in a process that the model may end."""

from __future__ import annotations

import ctypes
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from desktop.core.progress import Report
from desktop.engine.device_log import held_by_devices
from desktop.engine.helper_process import serve
from desktop.engine.log import EngineLog
from desktop.engine.planner.plan_records import Variant

TESTS = str(Path(__file__).parents[1])  # for the process that runs this module
_LOAD_MODE_NONE = 0  # LLAMA_LOAD_MODE_NONE: not mapped, so that weights are counted as they are allocated


class LoadRequest(msgspec.Struct, frozen=True):
    """Every variant is loaded in turn; those that only differ in their context's settings share the weights.

    ``fit``: llama.cpp's own estimate is asked too, what its ``llama-fit-params`` prints.
    """

    path: str
    variants: tuple[Variant, ...]
    fit: bool = False


class Buffers(msgspec.Struct, frozen=True):
    """Bytes of each kind of buffer by device number, 0 for main memory; ``refused`` is the log of a refusal.

    ``fit`` is llama.cpp's own estimate, all devices together, in whole MiB.
    """

    weights: tuple[int, ...] = ()
    kv: tuple[int, ...] = ()
    recurrent: tuple[int, ...] = ()
    compute: tuple[int, ...] = ()
    output: tuple[int, ...] = ()
    refused: str = ""
    fit: int = 0

    @property
    def total(self) -> int:
        return sum(map(sum, (self.weights, self.kv, self.recurrent, self.compute, self.output)))


class Loads(msgspec.Struct, frozen=True):
    loads: tuple[Buffers, ...]


class Loader:
    """Loads request after request; llama.cpp is started once."""

    def __init__(self) -> None:
        from desktop.engine import llama
        from desktop.engine.backends import RPC_VARIABLE

        self._log = EngineLog(write=lambda line: None)
        self._callback: Any = llama.start(self._log)
        llama.add_rpc_devices(os.environ.get(RPC_VARIABLE, "").split())

    def load(self, request: LoadRequest, _progress: Report) -> Loads:
        """Loads without mapping, so that each device's weights are counted as they are allocated."""
        import llama_cpp.llama_cpp as lib

        from desktop.engine.llama import context_parameters, model_parameters

        found: list[Buffers] = []
        model: Any = None
        placed: tuple[int, int] | None = None
        held = ""
        for variant in request.variants:
            where = (variant.gpu_layers, variant.cpu_expert_layers)
            if where != placed:
                if model:
                    lib.llama_model_free(model)
                self._log.mark()
                params, overrides = model_parameters(request.path, *where)
                params.load_mode = _LOAD_MODE_NONE
                model = lib.llama_model_load_from_file(os.fsencode(request.path), params)
                del overrides
                placed, held = where, self._log.since_mark
            self._log.mark()
            context = None
            if model:
                kv_types = variant.kv_types
                context = lib.llama_init_from_model(
                    model, context_parameters(variant.context, kv_types, variant.flash_attention)
                )
            log = f"{held}\n{self._log.since_mark}"
            if not context:
                found.append(Buffers(refused=log[-2000:]))
                continue
            lib.llama_free(context)
            found.append(_buffers(log, _fit(request.path, variant) if request.fit else 0))
        if model:
            lib.llama_model_free(model)
        return Loads(tuple(found))


def _fit(path: str, variant: Variant) -> int:
    """What ``common_fit_print`` (common/fit.cpp) prints: MiB of weights, cache and compute for each device."""
    import llama_cpp.llama_cpp as lib

    from desktop.engine.llama import context_parameters, model_parameters

    common = ctypes.CDLL(str(Path(lib.__file__).parent / "lib" / "libllama-common.so"))
    show = common._Z16common_fit_printPKcP18llama_model_paramsP20llama_context_params
    show.restype, show.argtypes = None, [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
    model, overrides = model_parameters(path, variant.gpu_layers, variant.cpu_expert_layers)
    model.load_mode = _LOAD_MODE_NONE
    context = context_parameters(variant.context, variant.kv_types, variant.flash_attention)
    libc, kept = ctypes.CDLL(None), os.dup(1)
    with tempfile.TemporaryFile() as out:
        libc.fflush(None)
        os.dup2(out.fileno(), 1)
        show(os.fsencode(path), ctypes.byref(model), ctypes.byref(context))
        libc.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        out.seek(0)
        lines = out.read().decode().splitlines()
    del overrides
    return sum(int(number) for line in lines for number in line.split()[1:4]) * 1024 * 1024


def _buffers(log: str, fit: int) -> Buffers:
    held = held_by_devices(log)
    return Buffers(
        weights=tuple(device.weights_bytes for device in held),
        kv=tuple(device.kv_bytes for device in held),
        recurrent=tuple(device.recurrent_bytes for device in held),
        compute=tuple(device.compute_bytes for device in held),
        output=tuple(device.output_bytes for device in held),
        fit=fit,
    )


def main() -> None:
    loader: Loader | None = None

    def answer(request: LoadRequest, progress: Report) -> Loads:
        nonlocal loader
        loader = loader or Loader()
        return loader.load(request, progress)

    serve(LoadRequest, answer)


if __name__ == "__main__":
    main()
