"""What the Vulkan backend says of its devices, and what becomes of that."""

import pytest

from desktop.engine.device_records import Device
from desktop.engine.device_report import ReportLog, reported

CARD = (
    "ggml_vulkan: 0 = NVIDIA GeForce RTX 4070 (NVIDIA) | uma: 0 | fp16: 1 | bf16: 1 | fp4: 0 | warp size: 32 | "
    "shared memory: 49152 | int dot: 1 | matrix cores: NV_coopmat2\n"
)
# as llama.cpp 0c1e57098 printed it for Mesa's lavapipe of Debian 12
SOFTWARE = (
    "ggml_vulkan: 1 = llvmpipe (LLVM 15.0.6, 256 bits) (llvmpipe) | uma: 0 | fp16: 1 | bf16: 0 | fp4: 0 | warp size: 8 "
    "| shared memory: 32768 | int dot: 0 | matrix cores: none\n"
)
WARNING = "ggml_vulkan: Warning: Device type is CPU. This is probably not the device you want.\n"


def device(name: str, backend: str = "Vulkan") -> Device:
    return Device(name, "?", backend, "gpu", 1, 1)


def test_what_each_device_computes_and_whether_it_is_software() -> None:
    log = ReportLog()
    for line in ("ggml_vulkan: Found 2 Vulkan devices:\n", CARD, SOFTWARE, WARNING):
        log.on_log(1, line.encode(), None)
    log.on_log(1, b"another debug line\n", None)
    card, software, other = reported([device("Vulkan0"), device("Vulkan1"), device("CUDA0", "CUDA")], log.said)
    assert (card.computes, card.software) == (("FP16", "BF16", "INT8", "matrix cores"), False)
    assert (software.computes, software.software) == (("FP16",), True)
    assert (other.computes, other.software) == (None, False)
    assert log.tail == ""  # lines for debugging stay out of the log


@pytest.mark.parametrize("said", ["", "ggml_vulkan: 0 = something else entirely\n"])
def test_a_backend_that_says_nothing_or_something_new_is_left_as_it_is(said: str) -> None:
    assert reported([device("Vulkan0")], said) == (device("Vulkan0"),)
