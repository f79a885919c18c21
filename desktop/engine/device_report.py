"""What llama.cpp's Vulkan backend says of its devices in debugging lines (ggml-vulkan.cpp, ggml_vk_print_gpu_info)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from desktop.engine.device_records import Device
from desktop.engine.log import EngineLog

_VULKAN = "Vulkan"
_LINE = re.compile(
    r"ggml_vulkan: (\d+) = .* \| uma: \d \| fp16: (\w+) \| bf16: (\d) (?:\| fp4: (\d) )?\|.*\| int dot: (\d) "
    r"\| matrix cores: (\S+)(\s+ggml_vulkan: Warning: Device type is CPU)?"
)


class ReportLog(EngineLog):
    """An engine's log that keeps what its Vulkan backend says of devices, which is said for debugging only."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def on_log(self, level: int, text: bytes | None, user_data: object) -> None:
        """llama.cpp's callback."""
        if text and text.startswith(b"ggml_vulkan:"):
            self.said += text.decode("utf-8", "replace")
        super().on_log(level, text, user_data)


def reported(devices: Sequence[Device], said: str) -> tuple[Device, ...]:
    """The devices with what was said of them: what they compute natively, and whether they are only software."""
    by_number = {found[1]: found for found in _LINE.finditer(said)}
    return tuple(_reported(device, by_number.get(device.name.removeprefix(_VULKAN))) for device in devices)


def _reported(device: Device, line: re.Match[str] | None) -> Device:
    if device.backend != _VULKAN or line is None:
        return device
    _, fp16, bf16, fp4, int_dot, matrix, software = line.groups()
    told = {"FP16": fp16 != "0", "BF16": bf16 == "1", "INT8": int_dot == "1", "matrix cores": matrix != "none"}
    told["FP4 E2M1"] = fp4 == "1"
    computes = tuple(name for name, there in told.items() if there)
    return msgspec.structs.replace(device, computes=computes, software=software is not None)
