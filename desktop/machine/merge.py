"""One list of graphics processors from several witnesses: the vendors' probes and the engine's own backends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from desktop.core.hardware import Gpu, GpuKind
from desktop.machine.tables import Tables, product_key

_VENDORS = (
    ("nvidia", ("nvidia", "geforce", "quadro", "tesla")),
    ("amd", ("amd", "radeon", "instinct")),
    ("apple", ("apple",)),
    ("intel", ("intel", "arc")),
)
# drivers that compute on the processor: Mesa's llvmpipe (lavapipe) and softpipe, Google's SwiftShader, Windows' WARP
_SOFTWARE = re.compile(r"\b(llvmpipe|lavapipe|softpipe|swiftshader|microsoft basic render driver)\b", re.IGNORECASE)
_REMOTE = "RPC"  # the backend of other computers' devices (ggml-rpc.cpp)
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
    device_id: str = ""
    software: bool = False
    computes: tuple[str, ...] | None = None


def merge(probed: Sequence[Gpu], devices: Sequence[EngineDevice], tables: Tables) -> tuple[Gpu, ...]:
    """Every GPU once, each told what the tables know; the probe's figures count, the engine fills the gaps.

    A device is the GPU with its PCI address. Where that is not known, or several instances of one GPU have it, the n-th
    device of one backend with a name is the n-th GPU of that name which no address claimed: so several equal cards, and
    one card seen by two backends (CUDA and Vulkan), both come out right.
    """
    gpus = list(probed)
    taken: set[tuple[str, int]] = set()  # by each backend, the GPUs that one of its devices is

    def found(device: EngineDevice, indices: Iterable[int]) -> bool:
        index = next((i for i in indices if (device.backend, i) not in taken), None)
        if index is not None:
            gpus[index] = _joined(gpus[index], device)
            taken.add((device.backend, index))
        return index is not None

    wanted = [device for device in devices if device.kind in ("gpu", "igpu")]
    elsewhere = [device for device in wanted if not found(device, _at_address(gpus, device))]
    for device in elsewhere:
        named = [index for index, gpu in enumerate(gpus) if _alike(gpu, device)]
        if not found(device, (*_at_address(gpus, device), *named)):
            taken.add((device.backend, len(gpus)))
            gpus.append(_from_engine(device))
    return tuple(with_use(enrich(gpu, tables)) for gpu in gpus)


def with_use(gpu: Gpu, own_bytes: int = 0) -> Gpu:
    """The GPU with its kind, and what of its memory is in use, ``own_bytes`` of it by Heft's engine."""
    kind: GpuKind = gpu.kind or ("integrated" if gpu.shared_memory else "discrete")
    held = max(0, gpu.total_bytes - gpu.free_bytes) if gpu.total_bytes and gpu.free_bytes is not None else None
    others = None if held is None else max(0, held - own_bytes)
    return msgspec.structs.replace(gpu, kind=kind, held_bytes=held, held_by_others_bytes=others)


def kind_of(device: EngineDevice) -> GpuKind:
    """What the engine's own word for a device, its driver's name and its backend say it is; "" where they say nothing
    beyond that it is a GPU.
    """
    if device.software or _SOFTWARE.search(device.description):
        return "software"
    if device.backend == _REMOTE:
        return "remote"
    return "integrated" if device.kind == "igpu" else ""


def _at_address(gpus: Sequence[Gpu], device: EngineDevice) -> Sequence[int]:
    """The GPUs that have a device's PCI address: one, or the instances of one that bear its name."""
    there = [i for i, gpu in enumerate(gpus) if device.device_id and gpu.device_id == device.device_id]
    return there if len(there) == 1 else [i for i in there if _alike(gpus[i], device)]


def _alike(gpu: Gpu, device: EngineDevice) -> bool:
    """One product by its name. The engine may know an instance of a GPU (MIG) whose probe was not permitted to look."""
    known, named = _same_product(gpu.name), _same_product(device.description)
    return known == named or (not gpu.total_bytes and not gpu.shared_memory and named.startswith(f"{known} "))


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
    # The driver's own word to the engine, where the probe did not know that a GPU is a part of the processor.
    shared = gpu.shared_memory or device.kind == "igpu"
    if " MIG " in device.description and not gpu.total_bytes:  # an instance, of which the probe saw the whole
        gpu = msgspec.structs.replace(
            gpu, name=device.description, bandwidth_bytes_per_second=None, bandwidth_source=""
        )
    changed = msgspec.structs.replace(
        gpu,
        engine_devices=(*gpu.engine_devices, device.name),
        backends=(*gpu.backends, device.backend),
        shared_memory=shared,
        kind=kind_of(device) or gpu.kind,
        computes=device.computes if gpu.computes is None else gpu.computes,
    )
    if gpu.total_bytes and not shared:
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
        device_id=device.device_id,
        engine_devices=(device.name,),
        backends=(device.backend,),
        kind=kind_of(device),
        computes=device.computes,
    )
