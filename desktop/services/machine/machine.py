"""What this computer is, and "what if I had that one": the machine page and ``heft machine``."""

from __future__ import annotations

import logging
import platform
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Cpu, Disk, EngineInfo, Gpu, Machine, Memory, from_json, to_json
from desktop.core.number_formats import NumberFormat
from desktop.core.placement import STEADY_BYTES
from desktop.core.pools import Reclaimable
from desktop.core.reserves import Reserves
from desktop.core.words import tr
from desktop.engine.api import Hello
from desktop.machine import bandwidth
from desktop.machine.child import ChildError
from desktop.machine.cpu import missing_features, read_cpu
from desktop.machine.gpu_amd import probe_amd
from desktop.machine.gpu_apple import probe_apple
from desktop.machine.memory import read_memory
from desktop.machine.merge import EngineDevice, enrich, merge, with_use
from desktop.machine.nvidia_child import probe_in_child
from desktop.machine.report import ProbeReport
from desktop.machine.support import number_formats
from desktop.machine.tables import Tables
from desktop.services.machine.report import rate
from desktop.store.paths import Paths
from desktop.system.atomic import save_for_user

Measure = Literal["cached", "if-missing", "again"]
_log = logging.getLogger(__name__)
_MAX_PROFILE_BYTES = 4 << 20

GPU_PROBES: tuple[Callable[[], ProbeReport], ...] = (probe_in_child, probe_amd, probe_apple)


@dataclass(frozen=True)
class _Engine:
    info: EngineInfo
    devices: tuple[EngineDevice, ...]
    notes: tuple[str, ...]


class MachineService:
    """Asks the computer. Keeps the bandwidth and what it told last of memory; for calls from any thread."""

    def __init__(
        self,
        paths: Paths,
        engine_info: Callable[[], Hello],
        *,
        gpu_probes: Sequence[Callable[[], ProbeReport]] = GPU_PROBES,
        tables: Tables | None = None,
        reserves: Callable[[], Reserves] = Reserves,
        held: Callable[[], Reclaimable] = Reclaimable,
        own: Callable[[], Mapping[str, int]] = dict,
        lent: Callable[[Sequence[Gpu]], tuple[Gpu, ...]] = tuple,
    ) -> None:
        """``engine_info`` describes the installed engine; it may take seconds and raise HeftError.

        ``reserves`` is the memory that the user wants kept free, ``held`` what the running engine would give back,
        ``own`` the bytes that it holds on each device, by the engine's name of it. ``lent`` gives devices of other
        computers the names that people know.
        """
        self._own, self._lent = own, lent
        self._paths = paths
        self._engine_info = engine_info
        self._gpu_probes = tuple(gpu_probes)
        self._tables = tables or Tables()
        self.reserves = reserves
        self._held = held
        self._lock = threading.Lock()
        self._told = (-1, 0)  # total bytes, and those that were told as free, or as what the engine would give back

    @property
    def formats(self) -> tuple[NumberFormat, ...]:
        """The number formats of the table, in its order."""
        return self._tables.formats

    @property
    def feature_meanings(self) -> dict[str, str]:
        """What each CPU instruction set is good for, by llama.cpp's name for it."""
        return {feature.name: feature.meaning for feature in self._tables.cpu_features}

    def describe(self, measure: Measure = "if-missing") -> Machine:
        """This computer now. Takes a second or two: probes and engine answer side by side, then the measurement.

        Whatever does not answer becomes a sentence in ``notes``; nothing raises for a broken probe.
        """
        with ThreadPoolExecutor(max_workers=1 + len(self._gpu_probes)) as pool:
            engine_answer = pool.submit(self._ask_engine)
            probe_answers = [pool.submit(_guarded, probe) for probe in self._gpu_probes]
            report = read_cpu(self._tables)
            engine = engine_answer.result()
            probes = [answer.result() for answer in probe_answers]
        missing, sentence = missing_features(report.cpu, report.known_features, engine.info.features)
        info = msgspec.structs.replace(engine.info, missing_features=missing)
        memory, memory_notes = self._memory(report.cpu, measure)
        gpus = merge([gpu for probe in probes for gpu in probe.gpus], engine.devices, self._tables)
        gpus = self._with_use(self._lent(gpus))
        _log.info("this machine: %s, %d GPUs, engine %s", report.cpu.name, len(gpus), info.version or "unknown")
        notes = [sentence, *engine.notes, *report.notes, *memory_notes]
        notes += [note for probe in probes for note in probe.notes]
        notes += _unusable(gpus, info)
        return Machine(
            cpu=report.cpu,
            memory=memory,
            gpus=gpus,
            number_formats=number_formats(report.cpu, gpus, info, self._tables),
            engine=info,
            disk=Disk(self._free_disk()),
            notes=tuple(note for note in notes if note),
            probes=tuple(probe.line for probe in probes),
            system=f"{platform.system()} {platform.release()}",
            reserves=self.reserves(),
        )

    @staticmethod
    def quiet() -> bool:
        """Whether the computer has next to nothing to do, so that a measurement counts; takes half a second."""
        return bandwidth.quiet()

    def without_graphics(self) -> Machine:
        """This computer's processor and memory, at once: no probe is asked."""
        cpu = read_cpu(self._tables).cpu
        return Machine(cpu, self._memory(cpu, "cached")[0], reserves=self.reserves())

    def memory(self) -> Memory:
        """Total and available memory now; cheap enough for a timer.

        Available memory and what the engine would give back are as much as was told before, as long as that changed by
        less than STEADY_BYTES: whoever asks at about the same moment gets one figure.
        """
        found, held = read_memory(), self._held().memory_bytes
        free = found.available_bytes + held
        with self._lock:
            total, told = self._told
            if total != found.total_bytes or abs(free - told) >= STEADY_BYTES:
                self._told = (found.total_bytes, free)
                return found
        return msgspec.structs.replace(found, available_bytes=max(0, told - held))

    def now(self, machine: Machine) -> Machine:
        """``machine`` (this computer) with what is free, and to be kept free, now; probes are asked again for GPUs.

        A bandwidth that was measured meanwhile is the one that counts, as for commands that begin now.
        """
        memory = self.memory()
        known = msgspec.structs.replace(
            machine.memory, available_bytes=memory.available_bytes, total_bytes=memory.total_bytes
        )
        kept = bandwidth.cached(self._paths.cache, bandwidth.fingerprint(machine.cpu, memory.total_bytes))
        if kept is not None:
            known = with_bandwidth(known, kept)
        gpus = self._gpus_now(machine.gpus)
        return msgspec.structs.replace(machine, memory=known, gpus=gpus, reserves=self.reserves())

    def _gpus_now(self, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
        if all(gpu.shared_memory for gpu in gpus):
            return self._with_use(gpus)
        asked: dict[tuple[str, str], list[Gpu]] = {}
        for probe in self._gpu_probes:
            for found in _guarded(probe).gpus:
                asked.setdefault((found.probe, found.name), []).append(found)
        fresh = []
        for gpu in gpus:
            answers = asked.get((gpu.probe, gpu.name))  # equal cards answer in the same order
            told = answers.pop(0) if answers else None
            known = told is not None and told.free_bytes is not None
            now = {"free_bytes": told.free_bytes, "processes": told.processes} if told is not None and known else {}
            fresh.append(msgspec.structs.replace(gpu, **now))
        return self._with_use(fresh)

    def _with_use(self, gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
        own = self._own()
        return tuple(with_use(gpu, sum(own.get(name, 0) for name in gpu.engine_devices)) for gpu in gpus)

    def load_profile(self, path: Path) -> Machine:
        """A saved profile, with what follows from it worked out anew. ProfileError or HeftError when unreadable."""
        try:
            with path.open("rb") as stream:
                document = stream.read(_MAX_PROFILE_BYTES + 1)
        except OSError as error:
            raise HeftError(
                tr("{name} could not be read: {strerror}.", name=path.name, strerror=error.strerror),
                tr("Choose another file."),
                kind=FailureKind.BAD_PROFILE,
            ) from error
        if len(document) > _MAX_PROFILE_BYTES:
            raise HeftError(
                tr("{name} is too large for a machine profile.", name=path.name),
                tr("Choose a file saved with: heft machine --json > profile.json"),
                kind=FailureKind.BAD_PROFILE,
            )
        return self.complete(from_json(document))

    def complete(self, machine: Machine) -> Machine:
        """An edited profile whose GPUs' architectures, bandwidths and number formats follow from its words."""
        gpus = tuple(enrich(gpu, self._tables) for gpu in machine.gpus)
        formats = number_formats(machine.cpu, gpus, machine.engine, self._tables)
        return msgspec.structs.replace(machine, gpus=gpus, number_formats=formats)

    def save_profile(self, machine: Machine, path: Path) -> None:
        """Write ``machine`` as a profile, without the names of running programs; HeftError when it cannot."""
        private = tuple(msgspec.structs.replace(gpu, processes=()) for gpu in machine.gpus)
        try:
            save_for_user(path, to_json(msgspec.structs.replace(machine, gpus=private)))
        except OSError as error:
            raise HeftError(
                tr("The profile could not be saved: {strerror}.", strerror=error.strerror),
                tr("Choose another folder."),
                kind=FailureKind.STORE,
            ) from error

    def architecture_title(self, gpu: Gpu) -> str:
        """The GPU's generation as a person knows it; empty when unknown."""
        return self._tables.architecture_title(gpu.vendor, gpu.architecture)

    def _ask_engine(self) -> _Engine:
        try:
            hello = self._engine_info()
        except HeftError as error:
            note = tr("The engine could not be asked: {message} {hint}", message=error.message, hint=error.hint).strip()
            return _Engine(EngineInfo(), (), (note,))
        devices = tuple(
            EngineDevice(
                d.name,
                d.description,
                d.backend,
                d.kind,
                d.total_bytes,
                d.free_bytes,
                d.device_id,
                d.software,
                d.computes,
            )
            for d in hello.devices
        )
        info = EngineInfo(
            hello.version, hello.backends, hello.architectures, hello.features, cpu_variant=hello.cpu_variant
        )
        return _Engine(info, devices, hello.left_out)

    def _memory(self, cpu: Cpu, measure: Measure) -> tuple[Memory, list[str]]:
        now = self.memory()
        identity = bandwidth.fingerprint(cpu, now.total_bytes)
        kept = bandwidth.cached(self._paths.cache, identity)
        notes: list[str] = []
        if measure == "again" or (measure == "if-missing" and (kept is None or kept.doubtful)):
            try:
                measured = bandwidth.measure_in_child(self._paths.cache, identity)
                notes += _lower(kept, measured)
                kept = bandwidth.cached(self._paths.cache, identity) or measured
            except ChildError as error:
                notes.append(error.message)
        if kept is None:
            return now, notes
        if kept.doubtful:
            notes.append(
                tr(
                    "Other programs were busy while the memory bandwidth was measured: it is likely "
                    "higher, and predictions do not go below a usual one. It is measured again by itself "
                    "when the computer is quiet."
                )
            )
        return with_bandwidth(now, kept), notes

    def _free_disk(self) -> int:
        folder = self._paths.models
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return 0


def with_bandwidth(memory: Memory, measured: bandwidth.Bandwidth) -> Memory:
    """Memory with what was measured of it, and whether that can be relied on."""
    return msgspec.structs.replace(
        memory,
        bandwidth_bytes_per_second=measured.bytes_per_second,
        bandwidth_measured_at=measured.measured_at,
        bandwidth_doubtful=measured.doubtful,
    )


def _lower(kept: bandwidth.Bandwidth | None, measured: bandwidth.Bandwidth) -> list[str]:
    """What there is to say of a measurement that does not replace a better one."""
    same = kept is not None and measured.bytes_per_second >= kept.bytes_per_second * bandwidth.SAME
    if kept is None or same or bandwidth.better(kept, measured).measured_at != kept.measured_at:
        return []
    now, before = (rate(found.bytes_per_second) for found in (measured, kept))
    return [
        tr(
            "The memory bandwidth measured now is {now}; the {before} of {measured_at} stay, "
            "because other programs only ever slow such a measurement.",
            now=now,
            before=before,
            measured_at=kept.measured_at[:10],
        )
    ]


def _guarded(probe: Callable[[], ProbeReport]) -> ProbeReport:
    """A probe must never take the report down, whatever a driver or a strange sysfs makes it raise."""
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - the sentence below is how it is told
        name = getattr(probe, "__name__", "probe")
        return ProbeReport(
            name,
            (),
            "failed",
            (tr("The probe {name} failed: {name2}: {error}.", name=name, name2=type(error).__name__, error=error),),
        )


def _unusable(gpus: Sequence[Gpu], engine: EngineInfo) -> list[str]:
    """A sentence for each GPU the engine cannot use, or leaves aside; none when the engine is unknown."""
    if not engine.version:
        return []
    built = ", ".join(engine.backends) or tr("no backend")
    offered = [gpu for gpu in gpus if gpu.engine_devices]
    said = []
    for gpu in gpus:
        if gpu.engine_devices or (gpu.device_id and any(gpu.device_id == other.device_id for other in offered)):
            continue  # of a divided GPU's instances a program gets one, which the probe says
        if any(gpu.vendor == other.vendor for other in offered):
            said.append(
                tr(
                    "The installed engine ({built}) does not offer {name}, though it offers others like it.",
                    built=built,
                    name=gpu.name,
                )
            )
        else:
            said.append(
                tr(
                    "The installed engine cannot use {name}: it was built with {built} only.",
                    name=gpu.name,
                    built=built,
                )
            )
    cards = [gpu for gpu in offered if not gpu.shared_memory]
    said += [
        tr(
            "{name} is left aside: llama.cpp takes a GPU without memory of its own only where there is no card.",
            name=gpu.name,
        )
        for gpu in offered
        if cards and gpu.shared_memory
    ]
    return said
