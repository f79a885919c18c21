"""What a server's log and its last words say of a load."""

import os
from pathlib import Path

import pytest

from desktop.core.errors import HeftError
from desktop.engine.api import Load
from desktop.engine.server import loading

LOG = """
print_info: file type   = Q4_K - Medium
print_info: arch                  = llama
print_info: n_layer               = 16
print_info: model type            = 1B
load_tensors: offloaded 5/17 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   500.00 MiB
load_tensors:   CPU_REPACK model buffer size =   400.00 MiB
llama_context: n_ctx_seq             = 512
llama_context:        CPU  output buffer size =     0.50 MiB
llama_kv_cache:        CPU KV buffer size =    16.00 MiB
sched_reserve:        CPU compute buffer size =     4.00 MiB
"""
MIB = 1 << 20


def test_the_log_becomes_what_was_loaded() -> None:
    ready = {"meta": {"n_ctx_train": 8192, "size": 600 * MIB, "n_params": 1_000_000_000}}
    loaded = loading.loaded(Load("/m.gguf", 300, threads=2, request_id=5), LOG, ready, os.getpid(), 1.5, "model")
    assert (loaded.description, loaded.layers, loaded.gpu_layers) == ("llama 1B Q4_K - Medium", 16, 0)
    assert (loaded.context_length, loaded.trained_context_length, loaded.request_id) == (512, 8192, 5)
    memory = loaded.memory
    assert (memory.kv_bytes, memory.compute_bytes, memory.output_bytes) == (16 * MIB, 4 * MIB, MIB // 2)
    assert memory.weights_bytes == 600 * MIB  # each tensor once: 400 in another order, and the rest where it is mapped
    assert memory.resident_bytes > 0 and loading.unused_pages(LOG) and not loading.unused_pages("")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("llama_model_load: error loading model: unknown model architecture: 'zebra'", "unknown-architecture"),
        ("ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 999999999", "out-of-memory"),
        ("nothing that anybody knows", "engine"),
    ],
)
def test_a_refusal_says_why(words: str, kind: str) -> None:
    error = loading.failure(words)
    assert error.kind == kind and error.detail == words and error.hint
    assert ("1.0 GB" in error.message) == (kind == "out-of-memory")


@pytest.mark.parametrize(("wanted", "fewer", "tried"), [(8, True, [8, 6, 4, 3, 0]), (8, False, [8]), (0, False, [0])])
def test_fewer_layers_are_tried_where_that_is_wanted(wanted: int, fewer: bool, tried: list[int]) -> None:
    assert list(loading.attempts(Load("/m.gguf", 256, gpu_layers=wanted, fewer_layers=fewer))) == tried


def test_no_server_is_started_for_what_is_not_there_or_has_no_end(tmp_path: Path) -> None:
    with pytest.raises(HeftError) as missing:
        loading.check(Load(str(tmp_path / "none.gguf"), 256))
    (tmp_path / "m.gguf").touch()
    loading.check(Load(str(tmp_path / "m.gguf"), 256))
    with pytest.raises(HeftError) as absurd:
        loading.check(Load(str(tmp_path / "m.gguf"), 1 << 40))
    assert (missing.value.kind, absurd.value.kind) == ("not-found", "usage")
