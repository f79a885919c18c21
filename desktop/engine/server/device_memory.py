"""What each device holds of a load, every tensor counted once."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, Header, read_header
from desktop.core.memory import shape_of, weights_of
from desktop.engine.api import Load
from desktop.engine.device_log import held_by_devices, used_devices
from desktop.engine.device_records import DeviceHeld
from desktop.engine.mapping import model_files

_PROJECTOR = re.compile(r"load_hparams: model size: +([\d.]+) MiB")  # tools/mtmd/clip.cpp
_COMPUTE = re.compile(r"(\S+) +compute buffer size = +[\d.]+ MiB")


def with_draft(
    devices: Sequence[DeviceHeld], load: Load, draft_log: str, log: str, more: int
) -> tuple[DeviceHeld, ...]:
    """With what the second context takes on each device, and the weights of a draft model; n-grams have neither.

    ``more`` bytes are taken in main memory without a line in the log.
    """
    taken: tuple[DeviceHeld, ...] = ()
    if load.speculation != "ngram":
        # made anew, and told again, when the sampler of MTP's guesses is set: the last one of a buffer counts
        compute = {found[1]: found[0] for found in _COMPUTE.finditer(draft_log)}
        rest = _COMPUTE.sub("", draft_log)
        taken = held_by_devices("\n".join((rest, *compute.values())), used_devices(draft_log) or used_devices(log))
        if load.draft:
            taken = held_once(Path(load.draft), taken, 0)
    by_name = {device.name: device.total_bytes for device in taken}
    main, *others = (msgspec.structs.replace(device, draft_bytes=by_name.pop(device.name, 0)) for device in devices)
    return (msgspec.structs.replace(main, draft_bytes=main.draft_bytes + more), *others)


def with_projector(devices: Sequence[DeviceHeld], log: str, gpu_layers: int) -> tuple[DeviceHeld, ...]:
    """With the projector, which lies on the first GPU where layers are, else in main memory; none without one."""
    found = _PROJECTOR.search(log)
    if found is None:
        return tuple(devices)
    holder = 1 if gpu_layers and len(devices) > 1 else 0
    taken = round(float(found[1]) * 1024 * 1024)
    return tuple(
        msgspec.structs.replace(device, projector_bytes=taken) if number == holder else device
        for number, device in enumerate(devices)
    )


def held_once(
    path: Path, devices: Sequence[DeviceHeld], tensor_bytes: int, *, mtp: bool = False
) -> tuple[DeviceHeld, ...]:
    """With each tensor counted once: the mapped range of the file spans tensors that a device holds, or that are held
    in another order too, and whose pages may go. ``tensor_bytes`` are those of the whole file, 0 where the header has
    to be asked.
    """
    main, *others = devices
    elsewhere = main.reordered_bytes + sum(device.weights_bytes for device in others)
    if not main.mapped_bytes or not elsewhere:
        return tuple(devices)
    if not tensor_bytes or elsewhere > main.reordered_bytes:
        in_file, twice = _tensor_bytes(path, mtp=mtp)
        tensor_bytes = in_file or tensor_bytes
        elsewhere -= twice if elsewhere > main.reordered_bytes else 0
    mapped = min(main.mapped_bytes, max(0, tensor_bytes - elsewhere))
    counted = main.weights_bytes - main.mapped_bytes + mapped
    return (msgspec.structs.replace(main, weights_bytes=counted), *others)


def _tensor_bytes(path: Path, *, mtp: bool) -> tuple[int, int]:
    """Bytes of all tensors that are loaded of a model's files, and of those that a GPU holds a second time because it
    computes the output with them; 0 where they cannot be read any more.
    """
    headers: list[Header] = []
    with suppress(OSError, ValueError, FileFormatError):
        for file in model_files(path):
            with file.open("rb") as opened:
                # freed with its last reader (desktop/engine/matrix_tiles.py)
                content = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            headers.append(read_header(BytesSource(content)))
        shape = shape_of(headers[0]) if headers else None
        if shape is None:
            return sum(tensor.size_bytes or 0 for header in headers for tensor in header.tensors), 0
        weights = weights_of(headers, shape, draft_layers=mtp)
        return weights.total_bytes, weights.tied_bytes
    return 0, 0
