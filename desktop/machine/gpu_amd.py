"""AMD graphics processors through Linux sysfs: no ROCm installation is needed.

Sources: Linux Documentation/gpu/amdgpu/driver-misc.rst (mem_info_vram_total, mem_info_vram_used, product_name),
Documentation/gpu/amdgpu/apu-asic-info and the KFD topology (``gfx_target_version`` as major*10000 + minor*100 + step).

Whether a GPU is a part of the processor is a property of the device, told by its PCI id, its LLVM target, the version
of its graphics core, its node in the KFD topology and the format of its metrics. Sizes say nothing of it: a card of
4 GB may map half of a large main memory, and a firmware may set aside more for an integrated one than that maps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from desktop.core.hardware import Gpu, pci_address
from desktop.machine.report import ProbeReport
from desktop.system.packaged import read_table

PROBE = "sysfs"
_AMD = "0x1002"
_INTEGRATED_METRICS = (2, 3)  # format revisions of gpu_metrics: Linux drivers/gpu/drm/amd/include/kgd_pp_interface.h


@dataclass(frozen=True)
class _Node:
    """A GPU in the KFD topology: its LLVM target ("": unknown), and whether the node has processor cores too."""

    target: str = ""
    has_cores: bool = False


def probe_amd(root: Path = Path("/")) -> ProbeReport:
    """Every AMD GPU under ``/sys/class/drm``; none where there is no such folder. ``root`` is for tests."""
    folder = root / "sys" / "class" / "drm"
    if not folder.is_dir():
        return ProbeReport(PROBE, (), "this system has no /sys/class/drm")
    names = _marketing_names(root)
    gpus: list[Gpu] = []
    notes: list[str] = []
    for card in sorted(folder.glob("card[0-9]*")):
        device = card / "device"
        if not re.fullmatch(r"card\d+", card.name) or _read(device / "vendor") != _AMD:
            continue
        try:
            gpus.append(_gpu(root, device, names))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            notes.append(f"The AMD GPU {card.name} did not tell its memory: {reason}.")
    found = f"{len(gpus)} AMD GPU{'s' if len(gpus) != 1 else ''}" if gpus else "no AMD GPU"
    return ProbeReport(PROBE, tuple(gpus), found, tuple(notes))


def _gpu(root: Path, device: Path, names: dict[tuple[str, str], str]) -> Gpu:
    total = int((device / "mem_info_vram_total").read_text(encoding="ascii"))
    used = int((device / "mem_info_vram_used").read_text(encoding="ascii"))
    gtt_total = _integer(device / "mem_info_gtt_total")
    gtt_used = _integer(device / "mem_info_gtt_used")
    identity = (_read(device / "device").upper()[2:], _read(device / "revision").upper()[2:])
    name = _read(device / "product_name") or names.get(identity) or f"AMD GPU {identity[0]}:{identity[1]}"
    node = _node(root, device)
    shared = _integrated(device, node)
    return Gpu(
        name=name,
        vendor="amd",
        total_bytes=total + gtt_total if shared else total,
        free_bytes=max(0, total - used) + (max(0, gtt_total - gtt_used) if shared else 0),
        set_aside_bytes=total if shared else 0,
        probe=PROBE,
        device_id=pci_address(device.resolve().name),
        target=node.target,
        driver=_read(device / "driver" / "module" / "version"),
        shared_memory=shared,
    )


def _integrated(device: Path, node: _Node) -> bool:
    """Whether a GPU is a part of the processor and has no memory of its own; a card where nothing tells it is one."""
    identity = {
        "pci": _read(device / "device").lower().removeprefix("0x"),
        "target": node.target,
        "gc": _graphics_core(device),
    }
    listed = any(
        fnmatchcase(identity[row["kind"]], pattern)
        for row in read_table("amd_integrated")
        for pattern in row["match"].split()
    )
    return listed or node.has_cores or _metrics_revision(device) in _INTEGRATED_METRICS


def _graphics_core(device: Path) -> str:
    """Version of the graphics core (``11.5.1``); "" where the kernel does not list a device's parts."""
    for part in sorted(device.glob("ip_discovery/die/*/GC/0")):
        return ".".join(_read(part / name) for name in ("major", "minor", "revision"))
    return ""


def _metrics_revision(device: Path) -> int:
    """The format revision in the header of the GPU's metrics; 0 where it has none."""
    try:
        with (device / "gpu_metrics").open("rb") as file:
            return (file.read(4) + bytes(4))[2]
    except OSError:
        return 0


def _node(root: Path, device: Path) -> _Node:
    """The KFD node with the same render minor."""
    minors = {
        int(match[1]) for node in device.glob("drm/renderD*") if (match := re.fullmatch(r"renderD(\d+)", node.name))
    }
    nodes = root / "sys" / "class" / "kfd" / "kfd" / "topology" / "nodes"
    for properties in nodes.glob("*/properties"):
        values = dict(line.split(None, 1) for line in _read(properties).splitlines() if " " in line)
        version = int(values.get("gfx_target_version", "0"))
        if version and int(values.get("drm_render_minor", "-1")) in minors:
            target = f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
            return _Node(target, int(values.get("cpu_cores_count", "0")) > 0)
    return _Node()


def _marketing_names(root: Path) -> dict[tuple[str, str], str]:
    """libdrm's table of product names by device and revision id; empty when libdrm is not installed."""
    table: dict[tuple[str, str], str] = {}
    for line in _read(root / "usr" / "share" / "libdrm" / "amdgpu.ids").splitlines():
        parts = [part.strip() for part in line.split(",", 2)]
        if len(parts) == 3 and not line.startswith("#"):
            table[parts[0].upper(), parts[1].upper()] = parts[2]
    return table


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _integer(path: Path) -> int:
    text = _read(path)
    return int(text) if text.isdigit() else 0
