"""Other computers' devices: the part of the container that joins them before the engine is asked what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.made_once import made_once
from desktop.services.wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.core.errors import HeftError
    from desktop.services.discover.elsewhere import ElsewhereService
    from desktop.services.endpoints.service import EndpointService
    from desktop.services.machine.calibration import CalibrationService
    from desktop.services.planning.service import PlanningService
    from desktop.services.worker.ways import WaysService
    from desktop.services.worker.workers import WorkerService
    from desktop.store.paths import Paths


class WorkerServices(Wishes):
    """Needs members of the whole: who hears what is wrong, and what is to be asked again of another engine."""

    paths: Paths
    planning: made_once[PlanningService]
    calibration: made_once[CalibrationService]
    endpoints: made_once[EndpointService]
    tell: Callable[[HeftError], None]
    backends_changed: Callable[[], None]

    @made_once
    def workers(self) -> WorkerService:
        """Other computers that lend their devices."""
        from desktop.services.worker.workers import WorkerService

        return WorkerService(self.paths, lambda: self.backends_changed(), lambda error: self.tell(error))  # noqa: PLW0108

    @made_once
    def ways(self) -> WaysService:
        """Where a model would run best: here, shared, or on another computer."""
        from desktop.services.worker.ways import WaysService

        lent, summon = lambda: self.workers.lent(), lambda: self.workers.summon()  # noqa: PLW0108 - made when asked
        return WaysService(lambda: self.planning, lambda: self.calibration, lent, summon)

    @made_once
    def elsewhere(self) -> ElsewhereService:
        """Where else the variants of a repo could run."""
        from desktop.services.discover.elsewhere import ElsewhereService

        return ElsewhereService(self.workers.lent, self.calibration.adopt, self.endpoints.all, self.workers.summon)

    def join_workers(self) -> bool:
        """Before the engine is asked for its devices; at once where no other computer was added. Whether it has others
        than before.
        """
        return self.workers.join()
