"""The dry run as a tool: models that need not be here, planned by llama.cpp in a process that a bad file may kill.

A request is one model's skeleton and any number of variants; a variant costs 5 to 10 ms, 10 to 40 more when its layers
go elsewhere than those of the variant before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.core.progress import Progress, Report
from desktop.engine.helper_process import serve
from desktop.engine.planner.plan_records import Plan, Variant
from desktop.engine.remote import remote_servers

if TYPE_CHECKING:
    from desktop.engine.planner.dry_run import DryRun

STUB = "plan.gguf"  # the stub's name in the process's working directory; removed as soon as it is read


class PlanRequest(msgspec.Struct, frozen=True):
    """``header`` and ``file_bytes`` of a ``core.gguf.skeleton``; several variants are planned in their order."""

    header: bytes
    file_bytes: int
    variants: tuple[Variant, ...]


class Plans(msgspec.Struct, frozen=True):
    """One plan per variant. ``devices``: name and free bytes of each device used besides the CPU, in its order."""

    plans: tuple[Plan, ...]
    devices: tuple[tuple[str, int], ...]


class Planner:
    """Plans request after request; llama.cpp is started once."""

    def __init__(self) -> None:
        from desktop.engine import llama
        from desktop.engine.log import EngineLog

        self._callback: Any = llama.start(EngineLog())  # llama.cpp keeps its address only
        llama.add_rpc_devices(remote_servers()[0])

    def plan(self, request: PlanRequest, progress: Report) -> Plans:
        """Plan every variant; a refusal is part of its plan."""
        from desktop.engine.planner.dry_run import DryRun

        stub = Path(STUB)
        with stub.open("wb") as out:
            out.write(request.header)
            out.truncate(request.file_bytes)
        dry_run = DryRun(str(stub))
        try:
            return self._planned(dry_run, request, progress)
        finally:
            dry_run.close()
            stub.unlink()

    def _planned(self, dry_run: DryRun, request: PlanRequest, progress: Report) -> Plans:
        from desktop.engine import llama

        plans = []
        for number, variant in enumerate(request.variants):
            plans.append(dry_run.plan(variant))
            progress(Progress(number + 1, len(request.variants), "variants"))
        free = {device.name: device.free_bytes for device in llama.devices()}
        return Plans(tuple(plans), tuple((name, free.get(name, 0)) for name in dry_run.devices))


def main() -> None:
    """Serve plan requests until stdin closes; the engine is loaded with the first."""
    planner: Planner | None = None

    def answer(request: PlanRequest, progress: Report) -> Plans:
        nonlocal planner
        planner = planner or Planner()
        return planner.plan(request, progress)

    serve(PlanRequest, answer)


if __name__ == "__main__":
    main()
