"""Exit codes and log lines become causes."""

import signal

import pytest

from desktop.engine.device_log import held_by_devices, offloaded
from desktop.engine.log import EngineLog
from desktop.engine.logmap import Phase, explain_device, explain_exit, explain_log

# as llama.cpp 0c1e57098 printed it for a model split over an RPC device and the CPU
OFFLOADED = """llama_model_load: using device RPC0 (127.0.0.1:50052) (unknown id) - 9 MiB free
load_tensors: offloaded 8/17 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   190.00 MiB
load_tensors: RPC0[127.0.0.1:50052] model buffer size =   130.50 MiB
llama_kv_cache:        CPU KV buffer size =    72.00 MiB
llama_kv_cache: RPC0[127.0.0.1:50052] KV buffer size =    56.00 MiB
llama_context:        CPU  output buffer size =     0.19 MiB
sched_reserve: RPC0[127.0.0.1:50052] compute buffer size =    60.01 MiB
sched_reserve:        CPU compute buffer size =    68.01 MiB"""


def test_what_each_device_holds_is_read_from_the_log() -> None:
    mebibyte = 1024 * 1024
    main, other = held_by_devices(OFFLOADED)
    assert (main.name, main.weights_bytes, main.mapped_bytes) == ("", 190 * mebibyte, 190 * mebibyte)
    assert (other.name, other.description) == ("RPC0", "127.0.0.1:50052")
    assert (other.weights_bytes, other.mapped_bytes) == (round(130.5 * mebibyte), 0)
    assert (main.kv_bytes, other.kv_bytes) == (72 * mebibyte, 56 * mebibyte)
    assert (main.compute_bytes, other.compute_bytes) == (round(68.01 * mebibyte), round(60.01 * mebibyte))
    assert (main.output_bytes, other.output_bytes) == (round(0.19 * mebibyte), 0)
    assert offloaded(OFFLOADED) == (8, 17)


@pytest.mark.parametrize("order", ["CPU_REPACK", "AMX", "CPU_KLEIDIAI"])
def test_copies_in_the_cpus_own_order_are_known_as_such(order: str) -> None:
    lines = ("  CPU_Mapped model buffer size =    90.00 MiB", f"  {order} model buffer size =    80.00 MiB")
    (main,) = held_by_devices("\n".join(f"load_tensors: {line}" for line in lines))
    assert (main.mapped_bytes, main.reordered_bytes) == (90 * 1024 * 1024, 80 * 1024 * 1024)


@pytest.mark.parametrize(
    ("description", "name"),
    [("llvmpipe (LLVM 15.0.6, 256 bits)", "Vulkan0"), ("NVIDIA GeForce RTX 4070", "CUDA0"), ("Apple M2", "MTL0")],
)
def test_a_device_is_known_whatever_it_is_called(description: str, name: str) -> None:
    log = (
        f"llama_prepare_model_devices: using device {name} ({description}) (0000:01:00.0) - 1982 MiB free\n"
        f"load_tensors:   {name} model buffer size =    10.00 MiB\n"
        f"llama_context:  {name[:-1]}_Host compute buffer size =     3.00 MiB\n"
    )
    main, other = held_by_devices(log)
    assert (other.name, other.description, other.weights_bytes) == (name, description, 10 * 1024 * 1024)
    assert (main.compute_bytes, other.compute_bytes) == (3 * 1024 * 1024, 0)


def test_log_joins_partial_lines_and_leaves_debug_out() -> None:
    written: list[str] = []
    log = EngineLog(written.append)
    log.on_log(2, b"print_info: vocab", None)
    log.on_log(5, b" type = BPE\nload_te", None)
    log.on_log(5, b"nsors: done\n", None)
    log.on_log(1, b"a debug line", None)
    log.on_log(5, b" and its end\n", None)
    log.on_log(4, b"bad \xff byte\n", None)
    assert "".join(written) == "print_info: vocab type = BPE\nload_tensors: done\nbad \ufffd byte\n"
    assert log.tail.endswith("bad \ufffd byte")


@pytest.mark.parametrize(
    ("code", "log", "phase", "kind"),
    [
        (-signal.SIGILL, "", "loading", "unsupported-cpu"),
        (-signal.SIGABRT, "what():  vk::Queue::submit: ErrorDeviceLost", "working", "device-lost"),
        (-signal.SIGABRT, "Remote RPC server crashed or returned malformed response", "working", "device-lost"),
        (-signal.SIGABRT, "CUDA error: an illegal memory access was encountered", "working", "device-lost"),
        (-signal.SIGABRT, "CUDA error: out of memory", "working", "out-of-memory"),
        (-signal.SIGABRT, "vk::Device::allocateMemory: ErrorOutOfDeviceMemory", "working", "out-of-memory"),
        (1, 'error while handling argument "--device": invalid device: Vulkan0', "starting", "device-gone"),
        (0xC000001D, "", "loading", "unsupported-cpu"),
        (-signal.SIGBUS, "", "working", "not-found"),
        (-signal.SIGKILL, "", "working", "killed"),
        (-signal.SIGABRT, "ggml.c:1: GGML_ASSERT(a > 0) failed", "loading", "bad-file"),
        (-signal.SIGSEGV, "", "working", "crashed"),
        (1, "ModuleNotFoundError", "working", "crashed"),
    ],
)
def test_exit_codes(code: int, log: str, phase: Phase, kind: str) -> None:
    cause = explain_exit(code, log, phase)
    assert cause.kind == kind
    assert cause.message and cause.hint


def test_a_log_without_a_cause_names_none() -> None:
    assert explain_log(OFFLOADED) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ggml_vulkan: Device memory allocation of size 900 failed.", "out-of-memory"),
        ("alloc_tensor_range: failed to allocate Vulkan0 buffer of size 900", "out-of-memory"),
        ("ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 900", "out-of-memory"),
        ("ggml_vulkan: device lost on RTX waiting for submission (nodes 1 to 2):", "device-lost"),
        ("ggml_gallocr_reserve_n: failed to allocate CPU buffer of size 900", ""),
        ("alloc_tensor_range: failed to allocate CUDA_Host buffer of size 900", ""),
        ("srv  update_slots: Compute error. off = 0", ""),
    ],
)
def test_an_answer_that_failed_for_a_device_is_told_from_others(line: str, kind: str) -> None:
    cause = explain_device(f"before\n{line}\nafter")
    assert (cause.kind if cause is not None else "") == kind
    assert cause is None or "graphics device" in cause.message
