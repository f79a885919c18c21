"""No header makes the formulas fail: every architecture the engine knows, with keys of all kinds and with few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.forge_cacheless import generic

from desktop.core.gguf import BytesSource, read_header
from desktop.core.hardware import Cpu, Gpu, Machine, Memory
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import shape_of, weights_of
from desktop.core.placement import place
from desktop.system.packaged import read_table

HERE = Machine(Cpu("here"), Memory(16 << 30, 12 << 30), (Gpu(name="card", vendor="nvidia", total_bytes=8 << 30),))
ALL_KINDS = {
    "ssm__conv_kernel": 4, "ssm__inner_size": 512, "ssm__state_size": 16, "ssm__time_step_rank": 8,
    "ssm__group_count": 1, "attention__kv_lora_rank": 64, "attention__key_length_mla": 64,
    "attention__value_length_mla": 64, "attention__q_lora_rank": 64, "rope__dimension_count": 32,
    "attention__sliding_window": 256, "wkv__head_size": 64, "kda__head_dim": 64, "shortconv__l_cache": 3,
    "nextn_predict_layers": 1, "embedding_length_per_layer_input": 64,
}  # fmt: skip
NAMES = [row["architecture"] for row in read_table("architecture_keys") if row["architecture"] != "*"]


@pytest.mark.parametrize("experts", [0, 8])
@pytest.mark.parametrize("keys", [{}, ALL_KINDS, {"attention__shared_kv_layers": 4}], ids=["few", "many", "shared"])
def test_no_architecture_makes_the_formulas_fail(keys: dict[str, Any], experts: int, tmp_path: Path) -> None:
    assert len(NAMES) > 100
    for name in NAMES:
        header = read_header(BytesSource(generic(name, experts, **keys).write(tmp_path / "m.gguf").read_bytes()))
        shape = shape_of(header)
        assert shape is not None
        weights = weights_of([header], shape)
        for settings in (LoadSettings(2048), LoadSettings(2048, "q8_0", "q8_0", "off")):
            assert place(shape, weights, settings, HERE).memory.total_bytes > weights.total_bytes, name
