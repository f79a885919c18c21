"""Loads planned by llama.cpp without allocating them, in this process (``no_alloc``; docs/reference/memory.md)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llama_cpp.llama_cpp as lib

from desktop.core.hardware import RAM
from desktop.core.speculation import DRAFT_TOKENS, output_rows
from desktop.engine import device_log
from desktop.engine.llama import context_parameters, model_parameters
from desktop.engine.planner import plan_log
from desktop.engine.planner.plan_records import Plan, Variant

_LOAD_MODE_NONE = 0  # LLAMA_LOAD_MODE_NONE: mapping asserts under no_alloc


class DryRun:
    """Plans of one file. Holds the planned model of the placement asked for last; the file must stay meanwhile."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log = plan_log.PlanLog()
        self._handle: Any = None
        self._placed: tuple[int, int, bool, str, tuple[float, ...]] | None = None
        self._model_log = ""

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices besides the CPU, in the engine's order; known after the first plan."""
        return device_log.device_names(self._model_log)

    def plan(self, variant: Variant) -> Plan:
        """One plan; a refusal is part of it."""
        mtp = variant.speculation == "mtp"
        where = (variant.gpu_layers, variant.cpu_expert_layers, mtp, variant.devices, variant.shares)
        with _logged(self._log):
            if where != self._placed:
                self._load(*where)
            if not self._handle:
                return Plan(refused=self._model_log, loads=False)
            # common_params_speculative::need_n_rs_seq and common_base_params_to_speculative: what the server asks for
            outputs = variant.slots if variant.mtp_context else output_rows(variant.speculation, variant.slots)
            states = DRAFT_TOKENS if mtp and not variant.mtp_context else 0
            params = context_parameters(
                variant.context,
                variant.kv_types,
                variant.flash_attention,
                outputs=outputs,
                kept_states=states,
                slots=variant.slots,
                purpose=variant.purpose,
                kv_offload=variant.kv_offload,
                batch=variant.batch,
            )
            if variant.mtp_context:
                params.ctx_type = lib.LLAMA_CONTEXT_TYPE_MTP
            context = lib.llama_init_from_model(self._handle, params)
            if context:
                lib.llama_free(context)
        log = self._log.take()
        return self._described(log) if context else Plan(refused=log)

    def close(self) -> None:
        """Free the planned model; safe to call twice."""
        if self._handle:
            lib.llama_model_free(self._handle)
        self._handle, self._placed = None, None

    def _load(
        self, gpu_layers: int, cpu_expert_layers: int, mtp: bool, devices: str, shares: tuple[float, ...]
    ) -> None:
        self.close()
        params, kept = model_parameters(self._path, gpu_layers, cpu_expert_layers, devices, shares)
        params.no_alloc = True
        params.load_mode = _LOAD_MODE_NONE
        params.load_mtp = mtp
        self._handle = lib.llama_model_load_from_file(os.fsencode(self._path), params)
        del kept  # alive until here: llama.cpp reads it while it loads
        self._placed = (gpu_layers, cpu_expert_layers, mtp, devices, shares)
        self._model_log = self._log.take()

    def _described(self, log: str) -> Plan:
        names = self.devices
        number = {name: at for at, name in enumerate(names, 1)}
        kv, recurrent = plan_log.cache_totals(log)
        attention, states = plan_log.cache_layers(log)
        compute, output = plan_log.context_buffers(
            log, device_log.buffer_names(device_log.used_devices(self._model_log))
        )
        gpu_layers, layers = device_log.offloaded(self._model_log)
        devices = tuple(number.get(name, RAM) for name in plan_log.layer_devices(self._model_log))
        more = plan_log.counted_twice(log, lib.llama_model_n_embd(self._handle))
        for later in sorted(set(devices) - {RAM})[1:]:
            compute[later] = max(0, compute[later] - more)
        return Plan(
            kv_bytes=kv,
            recurrent_bytes=recurrent,
            compute_bytes=tuple(compute),
            output_bytes=tuple(output),
            layer_devices=devices,
            kv_devices={layer: number.get(name, RAM) for layer, name in attention.items()},
            recurrent_devices={layer: number.get(name, RAM) for layer, name in states.items()},
            gpu_layers=gpu_layers,
            layers=layers or len(devices),
        )


@contextmanager
def _logged(log: plan_log.PlanLog) -> Iterator[None]:
    """llama.cpp's log goes to ``log``, and back to where it went before."""
    before, data = lib.llama_log_callback(), ctypes.c_void_p()
    lib.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    callback = lib.llama_log_callback(log.on_log)
    lib.llama_log_set(callback, None)
    try:
        yield
    finally:
        lib.llama_log_set(before, data)
