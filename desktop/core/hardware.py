"""What a computer is: the frozen types behind ``heft machine --json``, and the saved profiles made of them.

Sizes are bytes, rates bytes per second. A profile is such a document, edited or not: fields it leaves out get
their defaults, fields it has too many are ignored.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.link import Link
from desktop.core.reserves import Reserves
from desktop.core.words import tr

Support = Literal["native", "converted", "none"]
REMOTE: Final = "remote"
GpuKind = Literal["", "discrete", "integrated", "software", "remote"]
Bytes = Annotated[int, msgspec.Meta(ge=0)]
Cores = Annotated[int, msgspec.Meta(ge=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]

RAM = 0  # device 0 is always main memory; 1, 2 ... are the GPUs in the engine's order
_SHOWN_BYTES = 200  # of a broken profile, in the error's detail


class ProfileError(HeftError):
    """A file that is not a machine profile."""

    kind = FailureKind.BAD_PROFILE


class Cpu(msgspec.Struct, frozen=True):
    """The processor. ``features`` are llama.cpp's own names for instruction sets (``AVX2``, ``DOTPROD`` ...).

    ``usable_cores`` counts logical cores this process may use: below ``logical_cores`` when an affinity mask or
    a container's CPU quota says so; 0 when unknown.
    """

    name: str
    arch: str = ""
    physical_cores: Cores = 1
    logical_cores: Cores = 1
    features: tuple[str, ...] = ()
    usable_cores: Bytes = 0


class Memory(msgspec.Struct, frozen=True):
    """Main memory. ``total_bytes`` is what this process may use: a container's limit counts.

    ``bandwidth_bytes_per_second`` was measured by reading on all physical cores at ``bandwidth_measured_at``
    (ISO 8601, UTC); None when it was not measured. ``bandwidth_doubtful``: other programs were busy meanwhile, so it
    is at least that.
    """

    total_bytes: Bytes
    available_bytes: Bytes = 0
    bandwidth_bytes_per_second: Rate | None = None
    bandwidth_measured_at: str | None = None
    limited_by: str = ""
    bandwidth_doubtful: bool = False


class GpuProcess(msgspec.Struct, frozen=True):
    """A process that holds memory of a GPU; ``used_bytes`` is None where the driver does not say (Windows WDDM)."""

    pid: int
    name: str
    used_bytes: Bytes | None = None


class Gpu(msgspec.Struct, frozen=True):
    """A graphics processor. ``probe`` names who answered: nvml, sysfs, system_profiler or the engine's backend.

    ``device_id`` is its PCI address (see :func:`pci_address`), "" where nobody said.
    ``compute_capability`` is NVIDIA's (``8.9``), ``target`` AMD's (``gfx1100``). ``architecture`` is a key of
    ``resources/data/gpu_architectures.csv``. ``shared_memory``: its memory is main memory; of that,
    ``set_aside_bytes`` are the firmware's for it, and missing from main memory's own figures.
    ``engine_devices`` are the names under which the installed engine offers it; empty when the engine cannot use it;
    ``backends`` are those that do. ``kind`` is "software" for a driver that computes on the processor, "remote" for a
    device of another computer. ``held_bytes`` of its memory are in use, ``held_by_others_bytes`` not by Heft's engine;
    None where nobody said. ``computes`` are the number formats, and "matrix cores", that the engine's backend says it
    computes natively there; None where it says nothing. ``worker`` is the computer that lends it, by its name here, and
    ``link`` the way there; "" and None for this computer's own, and for those that HEFT_RPC names.
    """

    name: str
    vendor: str = ""
    total_bytes: Bytes = 0
    free_bytes: Bytes | None = None
    compute_capability: str | None = None
    bandwidth_bytes_per_second: Rate | None = None
    bandwidth_source: str = ""
    probe: str = ""
    architecture: str = ""
    target: str = ""
    driver: str = ""
    shared_memory: bool = False
    set_aside_bytes: Bytes = 0
    device_id: str = ""
    engine_devices: tuple[str, ...] = ()
    processes: tuple[GpuProcess, ...] = ()
    kind: GpuKind = ""
    backends: tuple[str, ...] = ()
    held_bytes: int | None = None
    held_by_others_bytes: int | None = None
    computes: tuple[str, ...] | None = None
    worker: str = ""
    link: Link | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it is a device of another computer."""
        return self.kind == REMOTE

    @property
    def is_software(self) -> bool:
        """Whether it is a driver that computes on the processor, slower than the engine does itself."""
        return self.kind == "software"


def pci_address(text: str) -> str:
    """A PCI address as ``0000:c1:00.0``, however many digits of the domain a driver writes; "" for anything else."""
    found = re.match(r"([0-9a-f]+):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", text.strip().lower())
    return f"{int(found[1], 16):04x}:{found[2]}:{found[3]}.{found[4]}" if found else ""


class FormatSupport(msgspec.Struct, frozen=True):
    """What one device makes of one number format.

    ``support`` is the hardware's: native (it multiplies such numbers), converted (such a model loads and is
    computed in another format) or none. ``engine`` is what llama.cpp does there. ``note`` is the plain sentence.
    """

    format: str
    device: str
    support: Support
    note: str
    source: str
    engine: Support = "none"


class EngineInfo(msgspec.Struct, frozen=True):
    """The installed llama.cpp. ``features`` are the CPU instruction sets it was compiled with and needs.

    ``cpu_variant`` names the one a portable engine chose for this CPU ("zen4"); empty where only one is compiled in.
    """

    version: str = ""
    backends: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    missing_features: tuple[str, ...] = ()
    cpu_variant: str = ""


class Disk(msgspec.Struct, frozen=True):
    """The volume that holds Heft's model folder."""

    free_bytes: Bytes = 0


class Probe(msgspec.Struct, frozen=True):
    """One question put to this computer: how many devices answered, and the answer in words."""

    name: str
    devices: int
    message: str


class Machine(msgspec.Struct, frozen=True):
    """One computer, as ``heft machine --json`` prints it. ``reserves`` is what its owner wants kept free."""

    cpu: Cpu
    memory: Memory
    gpus: tuple[Gpu, ...] = ()
    number_formats: tuple[FormatSupport, ...] = ()
    engine: EngineInfo = EngineInfo()
    disk: Disk = Disk()
    notes: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    system: str = ""
    reserves: Reserves = Reserves()


def to_json(machine: Machine) -> bytes:
    """The profile document: indented UTF-8 JSON that ends in a newline."""
    return msgspec.json.format(msgspec.json.encode(machine), indent=2) + b"\n"


def from_json(document: bytes) -> Machine:
    """Read a profile; unknown fields are ignored. Raises ProfileError that names the field which is wrong."""
    detail = document[:_SHOWN_BYTES].decode("utf-8", "replace")
    try:
        return msgspec.json.decode(document, type=Machine)
    except msgspec.ValidationError as error:
        raise ProfileError(
            tr("This is not a machine profile: {error}.", error=error),
            tr("Save one with: heft machine --json > profile.json"),
            detail=detail,
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProfileError(
            tr("This profile is not valid JSON: {error}.", error=error),
            tr("Mend the file, or save a new one with: heft machine --json > profile.json"),
            detail=detail,
        ) from error
