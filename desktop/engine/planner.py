"""The dry run: llama.cpp plans loads without allocating them, in a process of its own that a bad file may kill.

A request is one model's skeleton and any number of variants; a variant costs 5 to 10 ms, 10 to 40 more when its layers
go elsewhere than those of the variant before. Facts: shared/reference/memory.md, "The dry run".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from desktop.engine import plan_log
from desktop.engine.protocol import FlashAttention, KvType
from desktop.engine.tool import serve

STUB = "plan.gguf"  # the stub's name in the process's working directory; removed as soon as it is read
RPC_VARIABLE = "HEFT_RPC"
_LOAD_MODE_NONE = 0  # LLAMA_LOAD_MODE_NONE: mapping asserts under no_alloc


class Variant(msgspec.Struct, frozen=True, array_like=True):
    """How a load is planned. ``gpu_layers`` counts the output as one; ``context`` is in tokens."""

    context: int
    kv_type: KvType = "f16"
    flash_attention: FlashAttention = "auto"
    gpu_layers: int = 0
    cpu_expert_layers: int = 0


class PlanRequest(msgspec.Struct, frozen=True):
    """``header`` and ``file_bytes`` of a ``core.gguf.skeleton``; several variants are planned in their order."""

    header: bytes
    file_bytes: int
    variants: tuple[Variant, ...]


class Plan(msgspec.Struct, frozen=True):
    """What the engine would allocate. Lists are bytes by device number; 0 is main memory.

    ``kv_bytes`` and ``recurrent_bytes`` are totals; ``kv_devices`` and ``recurrent_devices`` say on which device each
    layer keeps its part. ``layer_devices`` has one number per layer and, last, the output's. ``refused`` holds the
    engine's log when it does not accept the model or the settings; everything else is then empty.
    """

    kv_bytes: int = 0
    recurrent_bytes: int = 0
    compute_bytes: tuple[int, ...] = ()
    output_bytes: tuple[int, ...] = ()
    layer_devices: tuple[int, ...] = ()
    kv_devices: dict[int, int] = {}
    recurrent_devices: dict[int, int] = {}
    gpu_layers: int = 0
    layers: int = 0
    refused: str = ""


class Plans(msgspec.Struct, frozen=True):
    """One plan per variant. ``devices``: name and free bytes of each device used besides the CPU, in its order."""

    plans: tuple[Plan, ...]
    devices: tuple[tuple[str, int], ...]


class Planner:
    """Holds at most one planned model: that of the stub and the placement asked for last."""

    def __init__(self) -> None:
        import llama_cpp.llama_cpp as lib

        from desktop.engine import llama

        self._lib: Any = lib
        self._llama = llama
        self._log = plan_log.PlanLog()
        self._callback = lib.llama_log_callback(self._log.on_log)
        lib.llama_log_set(self._callback, None)
        lib.llama_backend_init()
        llama.add_rpc_devices(os.environ.get(RPC_VARIABLE, "").split())
        self._handle: Any = None
        self._model_log = ""

    def plan(self, request: PlanRequest, progress: Callable[[float, str], None]) -> Plans:
        """Plan every variant; a refusal is part of its plan."""
        stub = Path(STUB)
        with stub.open("wb") as out:
            out.write(request.header)
            out.truncate(request.file_bytes)
        try:
            plans, placed = [], None
            for number, variant in enumerate(request.variants):
                where = (variant.gpu_layers, variant.cpu_expert_layers)
                if where != placed:
                    self._load(stub, *where)
                    placed = where
                plans.append(self._context(variant))
                progress((number + 1) / len(request.variants), "")
        finally:
            self._free()
            stub.unlink()
        free = {device.name: device.free_bytes for device in self._llama.devices()}
        used = plan_log.devices_of(self._model_log)
        return Plans(tuple(plans), tuple((name, free.get(name, 0)) for name in used))

    def _load(self, stub: Path, gpu_layers: int, cpu_expert_layers: int) -> None:
        self._free()
        self._log.take()
        params, overrides = self._llama.model_parameters(gpu_layers, cpu_expert_layers)
        params.no_alloc = True
        params.load_mode = _LOAD_MODE_NONE
        self._handle = self._lib.llama_model_load_from_file(str(stub).encode(), params)
        del overrides  # alive until here: llama.cpp reads it while it loads
        self._model_log = self._log.take()

    def _context(self, variant: Variant) -> Plan:
        if not self._handle:
            return Plan(refused=self._model_log)
        params = self._llama.context_parameters(variant.context, variant.kv_type, variant.flash_attention)
        context = self._lib.llama_init_from_model(self._handle, params)
        log = self._log.take()
        if not context:
            return Plan(refused=log)
        self._lib.llama_free(context)
        names = plan_log.devices_of(self._model_log)
        number = {"CPU": 0} | {name: at for at, name in enumerate(names, 1)}
        kv, recurrent = plan_log.cache_totals(log)
        attention, states = plan_log.cache_layers(log)
        compute, output = plan_log.context_buffers(log, names)
        gpu_layers, layers = plan_log.offloaded(self._model_log)
        devices = tuple(number.get(name, 0) for name in plan_log.layer_devices(self._model_log))
        return Plan(
            kv_bytes=kv,
            recurrent_bytes=recurrent,
            compute_bytes=tuple(compute),
            output_bytes=tuple(output),
            layer_devices=devices,
            kv_devices={layer: number.get(name, 0) for layer, name in attention.items()},
            recurrent_devices={layer: number.get(name, 0) for layer, name in states.items()},
            gpu_layers=gpu_layers,
            layers=layers or len(devices),
        )

    def _free(self) -> None:
        if self._handle:
            self._lib.llama_model_free(self._handle)
            self._handle = None


def main() -> None:
    """Serve plan requests until stdin closes; the engine is loaded with the first."""
    planner: Planner | None = None

    def answer(request: PlanRequest, progress: Callable[[float, str], None]) -> Plans:
        nonlocal planner
        planner = planner or Planner()
        return planner.plan(request, progress)

    serve(PlanRequest, answer)


if __name__ == "__main__":
    main()
