"""AMD graphics processors through Linux sysfs: no ROCm installation is needed.

Sources: Linux Documentation/gpu/amdgpu/driver-misc.rst (mem_info_vram_total, mem_info_vram_used, product_name),
Documentation/gpu/amdgpu/apu-asic-info and the KFD topology (``gfx_target_version`` as major*10000 + minor*100 + step).
"""

from __future__ import annotations

import re
from pathlib import Path

from desktop.core.hardware import Gpu
from desktop.machine.report import ProbeReport

PROBE = "sysfs"
_AMD = "0x1002"
_SMALL_CARVE_OUT = 4 << 30  # an APU's own share of main memory is small, its real memory is the GTT


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
    # A card with memory of its own has far more of it than the GTT adds; an APU has it the other way round.
    shared = total <= _SMALL_CARVE_OUT and gtt_total > total
    return Gpu(
        name=name,
        vendor="amd",
        total_bytes=total + gtt_total if shared else total,
        free_bytes=max(0, total - used) + (max(0, gtt_total - gtt_used) if shared else 0),
        probe=PROBE,
        target=_target(root, device),
        driver=_read(device / "driver" / "module" / "version"),
        shared_memory=shared,
    )


def _target(root: Path, device: Path) -> str:
    """LLVM target (``gfx1100``) of the KFD node with the same render minor; empty without the KFD driver."""
    minors = {
        int(match[1]) for node in device.glob("drm/renderD*") if (match := re.fullmatch(r"renderD(\d+)", node.name))
    }
    nodes = root / "sys" / "class" / "kfd" / "kfd" / "topology" / "nodes"
    for properties in nodes.glob("*/properties"):
        values = dict(line.split(None, 1) for line in _read(properties).splitlines() if " " in line)
        version = int(values.get("gfx_target_version", "0"))
        if version and int(values.get("drm_render_minor", "-1")) in minors:
            return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
    return ""


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
