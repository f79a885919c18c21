"""This computer as it is now: described once, which takes seconds, then with the memory that is free at the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from desktop.core.hardware import EngineInfo, Machine
from desktop.engine.api import Hello
from desktop.services.machine.machine import MachineService, with_bandwidth
from desktop.store.paths import Paths

_GPUS = ("gpu", "igpu")


def describe_cpu(paths: Paths) -> Machine:
    """This computer without its graphics, at once: processor, memory and the bandwidth measured earlier, if any."""
    from desktop.machine import bandwidth
    from desktop.machine.cpu import read_cpu
    from desktop.machine.memory import read_memory
    from desktop.machine.tables import Tables

    cpu, memory = read_cpu(Tables()).cpu, read_memory()
    kept = bandwidth.cached(paths.cache, bandwidth.fingerprint(cpu, memory.total_bytes))
    if kept is not None:
        memory = with_bandwidth(memory, kept)
    return Machine(cpu, memory)


class ThisMachine:
    """Thread-safe; every call may wait for probes."""

    def __init__(self, paths: Paths, machines: MachineService, hello: Callable[[], Hello]) -> None:
        """``hello`` describes the engine that loads run in."""
        self._paths, self._machines, self._hello = paths, machines, hello
        self._lock = threading.Lock()
        self._described: Machine | None = None

    def __call__(self) -> Machine:
        """The computer with all its devices."""
        with self._lock:
            known = self._described
            if known is None:
                known = self._described = self._machines.describe("cached")
        return self._machines.now(known)

    def known(self) -> Machine:
        """The computer with all its devices, as when it was described: what it is, and not what is free."""
        return self._described or self()

    def renew(self) -> None:
        """The engine has other backends now: the next call describes all again. Waits for nothing."""
        self._described = None

    def for_load(self) -> Machine:
        """What decides a load here. At once where the engine has no graphics card to use: none is looked for then.

        Raises HeftError where there is no engine.
        """
        if self._described is None:
            hello = self._hello()
            if not any(device.kind in _GPUS for device in hello.devices):
                engine = EngineInfo(
                    hello.version, hello.backends, hello.architectures, hello.features, cpu_variant=hello.cpu_variant
                )
                return self._machines.now(msgspec.structs.replace(describe_cpu(self._paths), engine=engine))
        return self()
