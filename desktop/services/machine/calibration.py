"""How quick this computer is: calibrated with the user's leave, kept per machine and engine, else from tables."""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import StoreError
from desktop.core.hardware import Cpu, Gpu, Machine
from desktop.core.progress import Report, share, unheard
from desktop.core.quants import TYPES_BY_NAME
from desktop.core.speed import Calibration, DeviceSpeed
from desktop.core.speed.device import DRIFT
from desktop.core.speed.table import SpeedTable, completed, cpu_speed, gpu_speed, table_from_rows
from desktop.core.speed.work import CPU
from desktop.core.words import tr
from desktop.engine.helper_process import Tool
from desktop.engine.server.program import engine_version
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind, perform
from desktop.services.jobs import JobService
from desktop.services.machine.calibration_order import CalibrationOrder, kept_as, measured_devices, parts_of
from desktop.services.machine.this_machine import describe_cpu
from desktop.store.paths import Paths
from desktop.system.atomic import write_atomically
from desktop.system.packaged import read_table

CALIBRATION = "calibration"  # the kind of job
SECONDS = 60.0  # aim of one calibration, and again for each card; what the disk takes to write the models comes on top
DEADLINE_SECONDS = 180.0
USUAL_TYPES = ("Q4_K", "Q6_K", "Q8_0", "Q5_K", "Q3_K", "F16")  # what most repos offer, most wanted first
_NOT_FORGED = frozenset(("F32", "F64", "I8", "I16", "I32", "I64", "Q8_1", "Q8_K"))
# 1 measured attention over narrow caches, 2 over models that fit a processor's cache, 3 experts by the luckiest tokens
_VERSION = 4
BUSY = 0.5  # below this part of undisturbed turns the machine was busy
_MOST_UNCERTAIN = 0.5


class _Document(msgspec.Struct, frozen=True):
    version: int
    calibrations: dict[str, Calibration]


def machine_key(cpu: Cpu, total_bytes: int, engine: str) -> str:
    """Changes when the speed would: processor, usable cores, memory size, engine. Identifies nobody."""
    text = f"{cpu.name}|{cpu.physical_cores}|{cpu.usable_cores}|{total_bytes >> 28}|{engine}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class CalibrationService:
    """Calibrates and remembers. Every method may be called from any thread."""

    def __init__(
        self,
        paths: Paths,
        jobs: JobService | None = None,
        lent: Callable[[Gpu], DeviceSpeed | None] = lambda _gpu: None,
    ) -> None:
        """A calibration is a job of ``jobs``. ``lent`` tells the speed of another computer's device, as it knows it."""
        self._lent = lent
        self._jobs = jobs or JobService()
        self._kind = WorkKind(CALIBRATION, CalibrationOrder, self._calibrate, paths.jobs)
        self._jobs.register(self._kind)
        self._paths = paths
        self._file = paths.calibrations
        self._scratch = paths.cache / "calibration"
        self._log = paths.logs / "calibration.log"
        self._lock = threading.Lock()
        self._kept: tuple[int, dict[str, Calibration]] = (-1, {})  # with the file's time of change, ns
        self._told: dict[str, dict[str, DeviceSpeed]] = {}  # by key of the machine: what others say of themselves
        self._spoken: tuple[Machine, Calibration | None, dict[str, DeviceSpeed]] | None = None

    @cached_property
    def table(self) -> SpeedTable:
        """Public results about hardware and types."""
        return table_from_rows(read_table("speed_hardware"), read_table("speed_types"))

    def key(self, machine: Machine) -> str:
        """The key of a machine with the installed engine."""
        return machine_key(machine.cpu, machine.memory.total_bytes, engine_version())

    def known(self, machine: Machine) -> Calibration | None:
        """The kept calibration of this very machine and engine; None when there is none."""
        return self._read().get(self.key(machine))

    def speeds(self, machine: Machine) -> dict[str, DeviceSpeed]:
        """Each device's speed by name: "cpu", each GPU, and "gpu" for the first of them. Calibrated where possible."""
        kept, spoken = self.known(machine), self._spoken
        if spoken is not None and spoken[0] is machine and spoken[1] is kept:
            return spoken[2]  # the picker asks for every variant at every move of its slider
        found = {CPU: cpu_speed(machine.cpu, machine.memory, self.table)}
        told = self._told.get(self.key(machine), {}) if kept is None else {}
        for gpu in machine.gpus:
            speed = self._lent_speed(gpu) if gpu.worker else gpu_speed(gpu, self.table)
            if speed is not None:
                found[gpu.name] = speed
                found.setdefault("gpu", speed)
        found |= told
        if kept is not None:
            if CPU in kept.devices:
                found[CPU] = completed(kept.devices[CPU], found[CPU])
            for gpu in machine.gpus:
                if (measured := kept.devices.get(kept_as(gpu))) is not None:
                    found[gpu.name] = completed(measured, found.get(gpu.name))
                    if gpu is machine.gpus[0]:
                        found["gpu"] = found[gpu.name]
        self._spoken = (machine, kept, found)
        return found

    def adopt(self, machine: Machine, speeds: dict[str, DeviceSpeed]) -> None:
        """Another computer's speeds, as it says itself; what was calibrated here goes before them."""
        self._told[self.key(machine)] = speeds
        self._spoken = None

    def _lent_speed(self, gpu: Gpu) -> DeviceSpeed | None:
        speed = self._lent(gpu)
        return None if speed is None else msgspec.structs.replace(speed, link=gpu.link)

    def missing(self, machine: Machine, types: Sequence[str]) -> tuple[str, ...]:
        """Of these types, those that can be calibrated and are not yet."""
        kept = self.known(machine)
        done = kept.devices[CPU].types if kept is not None and CPU in kept.devices else {}
        return tuple(kind for kind in types if kind not in done and can_calibrate(kind))

    def calibrate(
        self,
        machine: Machine,
        types: Sequence[str] = USUAL_TYPES,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
        seconds: float = SECONDS,
        devices: Sequence[str] = (),
    ) -> Calibration:
        """Measure this computer, about a minute for each of its devices, and keep the result beside types calibrated
        earlier. ``devices``: of the cards only those, by the engine's names; else all that are no software.

        Raises CancelledError, HeftError: "disturbed" (other programs had the processor), "calibration" (no room).
        """
        return perform(
            self._jobs,
            self._kind,
            "Calibration of this computer",
            CalibrationOrder(
                self.key(machine),
                tuple(kind for kind in types if can_calibrate(kind)),
                seconds,
                devices=measured_devices(machine, devices),
            ),
            machine,
            progress=progress,
            cancelled=cancelled,
        )

    def _calibrate(self, work: Work[CalibrationOrder, Calibration], run: Run) -> Calibration:
        """Measure what of an order is not measured yet, one type after the other."""
        from desktop.engine.tools.calibrator import Calibrated, timings

        here = self.key(describe_cpu(self._paths) if work.at_hand is None else work.at_hand)
        if work.order.machine != here:  # what was measured before was another engine's, or another computer's
            work.keep(run, CalibrationOrder(here, work.order.types, work.order.seconds, devices=work.order.devices))
        tool: Tool[Calibrated] = Tool("desktop.engine.tools.calibrator", Calibrated, self._scratch, self._log)
        try:
            while (index := len(work.order.undisturbed)) < len(plan := parts_of(work.order, str(self._scratch))):
                order, part = work.order, plan[index]
                before = order.speeds.get(part.name)
                spent = order.spent if before is not None else 0.0
                request = msgspec.structs.replace(
                    part.request,
                    seconds=max(1.0, order.seconds - spent),
                    known=before,
                    later=sum(timings(later.request) for later in plan[index + 1 :] if later.name == part.name),
                )
                measured = tool.call(
                    request,
                    deadline_seconds=DEADLINE_SECONDS,
                    cancelled=lambda: run.stopped,
                    progress=share(run.report, index / len(plan), 1 / len(plan)),
                )
                speed, drift, repeat = measured.speed, order.drift, order.repeat
                if part.again and before is not None:
                    kind = part.request.types[0]
                    change, speed = _both(before, speed, kind)
                    if kind == order.types[0]:
                        drift, last = change, repeat
                        repeat = repeat or (abs(drift) > DRIFT and len(order.types) > 1)
                        if last or not repeat:
                            speed = _as_certain(speed, drift)
                done = order.with_part(
                    part.name, speed,
                    threads=measured.threads, undisturbed=measured.undisturbed, spent=spent + measured.seconds,
                )  # fmt: skip
                work.keep(run, msgspec.structs.replace(done, drift=drift, repeat=repeat))
        finally:
            tool.close()
            for left in self._scratch.glob("calibration-*.gguf"):
                left.unlink(missing_ok=True)
        return self._found(work.order)

    def _found(self, order: CalibrationOrder) -> Calibration:
        kept = self._read().get(order.machine)
        busy = statistics.mean(order.undisturbed) < BUSY
        doubtful = busy or abs(order.drift) > DRIFT
        better = doubtful and kept is not None and not (kept.busy or kept.drifted)
        before = kept.devices if kept is not None else {}
        found = Calibration(
            machine=order.machine,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            threads=order.threads,
            devices={
                **before,
                **{name: _joined(before.get(name), speed, better=better) for name, speed in order.speeds.items()},
            },
            busy=busy,
            drift=order.drift,
        )
        # that of the better one is kept with it, and what happened now is told
        self._keep(
            msgspec.structs.replace(found, busy=kept.busy, drift=kept.drift, measured_at=kept.measured_at)
            if better and kept is not None
            else found
        )
        return found

    def _read(self) -> dict[str, Calibration]:
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            changed = self._file.stat().st_mtime_ns
            if changed != self._kept[0]:
                document = msgspec.json.decode(self._file.read_bytes(), type=_Document)
                self._kept = (changed, document.calibrations if document.version == _VERSION else {})
            return self._kept[1]
        return {}

    def _keep(self, found: Calibration) -> None:
        with self._lock:
            content = msgspec.json.encode(_Document(_VERSION, {**self._read(), found.machine: found}))
            try:
                write_atomically(self._file, content)
            except OSError as error:
                raise StoreError(
                    tr("The calibration could not be saved: {strerror}.", strerror=error.strerror),
                    tr("Check the free space on the disk, then calibrate again."),
                    detail=str(self._file),
                ) from error


def _joined(earlier: DeviceSpeed | None, speed: DeviceSpeed, *, better: bool) -> DeviceSpeed:
    """A device's speed with what is known of it from before; ``better``: of an idle computer, which this was not."""
    if earlier is None:
        return speed
    if not better:
        return msgspec.structs.replace(speed, types={**earlier.types, **speed.types})
    # what was measured on an idle computer stays; what it lacks is added, as uncertain as it is
    types, attention = {**speed.types, **earlier.types}, {**speed.attention, **earlier.attention}
    return msgspec.structs.replace(earlier, types=types, attention=attention)


def _both(before: DeviceSpeed, after: DeviceSpeed, kind: str) -> tuple[float, DeviceSpeed]:
    """How much longer a type took when it was measured again, and the quicker of both: other programs only slow."""
    first, again = before.types[kind], after.types[kind]
    drift = again.points[-1].seconds_per_byte / first.points[-1].seconds_per_byte - 1
    points = tuple(
        min(pair, key=lambda point: point.seconds_per_byte) for pair in zip(first.points, again.points, strict=True)
    )
    types = {
        **before.types,
        kind: msgspec.structs.replace(first, points=points, prompt=min(first.prompt, again.prompt)),
    }
    return drift, msgspec.structs.replace(before, types=types)


def _as_certain(speed: DeviceSpeed, drift: float) -> DeviceSpeed:
    """All types as uncertain as the first one's measurements are apart."""
    if abs(drift) <= DRIFT:
        return speed
    doubt = min(abs(drift), _MOST_UNCERTAIN)
    types = {
        name: msgspec.structs.replace(known, uncertainty=max(known.uncertainty, doubt))
        for name, known in speed.types.items()
    }
    return msgspec.structs.replace(speed, types=types)


def can_calibrate(kind: str) -> bool:
    """Whether models of a tensor type can be made to be timed."""
    return kind in TYPES_BY_NAME and kind not in _NOT_FORGED
