"""The engine, its backends and their builds: the part of the container that knows when the engine is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.made_once import made_once
from desktop.services.worker_services import WorkerServices
from desktop.system.spawn import run_at_most

if TYPE_CHECKING:
    from desktop.engine.api import Hello
    from desktop.services.endpoints.service import EndpointService
    from desktop.services.engine.backend_building import BackendBuildService
    from desktop.services.engine.backends import BackendService
    from desktop.services.engine.building import EngineBuildService
    from desktop.services.engine.supervisor import EngineService
    from desktop.services.jobs import JobService
    from desktop.services.machine.this_machine import ThisMachine
    from desktop.services.planning.engine_planner import DryRunPlanner
    from desktop.store.paths import Paths

ENGINE_END_SECONDS = 8.0  # the engine's own grace and kill take less; this only bounds a process that cannot die


class EngineServices(WorkerServices):
    """Needs members of the whole: ``jobs``, and what knows what the engine is."""

    paths: Paths
    jobs: made_once[JobService]
    this_machine: made_once[ThisMachine]
    dry_run: made_once[DryRunPlanner]
    endpoints: made_once[EndpointService]

    @made_once
    def engine(self) -> EngineService:
        """The engine's process."""
        from desktop.services.engine.supervisor import EngineService

        find = lambda name: self.endpoints.address(name)  # noqa: E731, PLW0108 - made when it is asked
        return EngineService(self.paths, self._engine_is_another, find)

    @made_once
    def engine_build(self) -> EngineBuildService:
        """Builds the engine where the installed one has no server."""
        from desktop.services.engine.building import EngineBuildService

        return EngineBuildService(self.paths, self.jobs)

    @made_once
    def backends(self) -> BackendService:
        """The engine's backends."""
        from desktop.services.engine.backends import BackendService

        return BackendService(self.paths, self.describe_engine, self.backends_changed)

    @made_once
    def backend_build(self) -> BackendBuildService:
        """Builds backends of the engine."""
        from desktop.services.engine.backend_building import BackendBuildService

        return BackendBuildService(self.paths, self.jobs, self.backends, self.this_machine)

    def describe_engine(self) -> Hello:
        """What the engine is: known from its start, or found out by a process that ends with the question."""
        if self.join_workers():
            self.backends_changed()
        if self.engine.state.phase != "stopped":
            return self.engine.hello()
        from desktop.services.engine.describing import describe_engine

        return describe_engine(self.paths)

    def hello(self) -> Hello:
        """What the engine that loads run in is, with the devices of other computers that are there now."""
        if self.join_workers():
            self.backends_changed()
        return self.engine.hello()

    def backends_changed(self) -> None:
        """Other backends are wanted: whoever knows what the engine is asks again. A model that is loaded stays."""
        if engine := self.known(EngineServices.engine):
            engine.forget_description()
        self._engine_is_another()

    def _engine_is_another(self) -> None:
        """Plans and machine are made anew; called from any thread, and waits for nothing."""
        for made in (self.known(type(self).this_machine), self.known(type(self).dry_run)):
            if made is not None:
                made.renew()

    def end_engine(self) -> None:
        """End the engine process; takes a bounded time whatever hangs."""
        if engine := self.known(EngineServices.engine):
            run_at_most(ENGINE_END_SECONDS, engine.close, "heft-engine-end")
