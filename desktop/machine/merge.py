"""One list of graphics processors from several witnesses: the vendors' probes and the engine's own backends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from desktop.core.hardware import Gpu
from desktop.machine.tables import Tables, product_key

_VENDORS = (
    ("nvidia", ("nvidia", "geforce", "quadro", "tesla")),
    ("amd", ("amd", "radeon", "instinct")),
    ("apple", ("apple",)),
    ("intel", ("intel", "arc")),
)
_PARENTHESES = re.compile(r"\s*\([^)]*\)")


@dataclass(frozen=True)
class EngineDevice:
    """A device of the engine, without the engine's types: floors below do not know them. Memory in bytes."""

    name: str
    description: str
    backend: str
    kind: str
    total_bytes: int
    free_bytes: int


def merge(probed: Sequence[Gpu], devices: Sequence[EngineDevice], tables: Tables) -> tuple[Gpu, ...]:
    """Every GPU once, each told what the tables know; the probe's figures count, the engine fills the gaps.

    The n-th device of one backend with a name is the n-th probed GPU of that name, so that several equal cards,
    and one card seen by two backends (CUDA and Vulkan), both come out right.
    """
    gpus = list(probed)
    seen: Counter[tuple[str, str]] = Counter()
    for device in devices:
        if device.kind not in ("gpu", "igpu"):
            continue
        key = _same_product(device.description)
        rank = seen[device.backend, key]
        seen[device.backend, key] += 1
        matches = [index for index, gpu in enumerate(gpus) if _same_product(gpu.name) == key]
        if rank < len(matches):
            gpus[matches[rank]] = _joined(gpus[matches[rank]], device)
        else:
            gpus.append(_from_engine(device))
    return tuple(enrich(gpu, tables) for gpu in gpus)


def enrich(gpu: Gpu, tables: Tables) -> Gpu:
    """The GPU with vendor, architecture and bandwidth from the tables where nobody told them."""
    vendor = gpu.vendor.lower() or _vendor(gpu.name)
    product = tables.product(gpu.name) or tables.product(_PARENTHESES.sub("", gpu.name))
    architecture = gpu.architecture or _architecture(gpu, vendor, tables)
    if not architecture and product is not None:
        architecture = product.architecture
    changed = msgspec.structs.replace(gpu, vendor=vendor, architecture=architecture)
    if gpu.bandwidth_bytes_per_second is None and product is not None:
        changed = msgspec.structs.replace(
            changed,
            bandwidth_bytes_per_second=product.bandwidth_bytes_per_second,
            bandwidth_source=product.source,
        )
    return changed


def _architecture(gpu: Gpu, vendor: str, tables: Tables) -> str:
    if vendor == "nvidia":
        return tables.architecture(vendor, gpu.compute_capability or "")
    if vendor == "amd":
        return tables.architecture(vendor, gpu.target)
    if vendor == "apple":
        return tables.architecture(vendor, product_key(gpu.name).upper())
    if vendor == "intel":
        return tables.architecture(vendor, product_key(gpu.name).title())
    return ""


def _vendor(name: str) -> str:
    words = set(re.findall(r"[a-z]+", name.lower()))
    return next((vendor for vendor, signs in _VENDORS if words.intersection(signs)), "")


def _same_product(name: str) -> str:
    """Vulkan adds the driver in parentheses, Apple's probe the core count: neither makes another product."""
    return product_key(_PARENTHESES.sub("", name))


def _joined(gpu: Gpu, device: EngineDevice) -> Gpu:
    changed = msgspec.structs.replace(gpu, engine_devices=(*gpu.engine_devices, device.name))
    if gpu.total_bytes and not gpu.shared_memory:
        return changed
    # For shared memory the backend knows the system's limit for one GPU better than any probe.
    return msgspec.structs.replace(
        changed,
        total_bytes=device.total_bytes or gpu.total_bytes,
        free_bytes=device.free_bytes if device.total_bytes else gpu.free_bytes,
    )


def _from_engine(device: EngineDevice) -> Gpu:
    return Gpu(
        name=device.description or device.name,
        total_bytes=device.total_bytes,
        free_bytes=device.free_bytes,
        probe=f"engine ({device.backend})",
        shared_memory=device.kind == "igpu",
        engine_devices=(device.name,),
    )
