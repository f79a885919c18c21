"""The server for other programs: the part of the container that opens the door and knows when it has to be closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.engine_services import EngineServices
from desktop.services.made_once import made_once
from desktop.system.spawn import run_at_most

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import PlanningService
    from desktop.services.serve.api import ModelLender
    from desktop.services.serve.lender import Lender
    from desktop.services.serve.opening import DoorWishes, OpenDoor
    from desktop.services.serve.service import ServeService

SERVE_END_SECONDS = 15.0  # the door's own moment for running answers takes less


class ServeServices(EngineServices):
    """Needs members of the whole: what models there are, what plans them, and what Heft itself holds."""

    library: made_once[LibraryService]
    planning: made_once[PlanningService]
    own_memory: Callable[[], dict[str, int]]

    @made_once
    def lender(self) -> Lender:
        """Lends loaded models to other programs."""
        from desktop.services.serve.making import make_lender

        made = make_lender(
            self.paths, self.library, self.planning, self.engine, self.this_machine, self.own_memory,
            self.served_idle_seconds,
        )  # fmt: skip
        self.settings.subscribe(lambda _change: made.look_again())
        return made

    @made_once
    def serve(self) -> ServeService:
        """The models of this computer for other programs."""
        from desktop.services.serve.estimates import estimates
        from desktop.services.serve.key import ServeKey
        from desktop.services.serve.service import ServeService

        return ServeService(
            self.paths, self.settings, ServeKey(self.paths.data), lambda: self.lender, _door,
            lambda models, cancelled: estimates(self.planning, models, cancelled),
        )  # fmt: skip

    def end_serving(self) -> None:
        """Serve no more, before what is served ends; takes a bounded time whatever hangs."""
        if serve := self.known(ServeServices.serve):
            run_at_most(SERVE_END_SECONDS, serve.close, "heft-serve-end")


def _door(lender: ModelLender, wishes: DoorWishes) -> OpenDoor:
    """The HTTP door, as it is wanted."""
    from desktop.services.serve.door.door import Door
    from desktop.services.serve.door.settings import DoorSettings

    settings = DoorSettings(
        host=wishes.host,
        port=wishes.port,
        key=wishes.key,
        allowed_hosts=wishes.allowed_hosts,
        network=wishes.network,
        web_page=wishes.web_page,
        largest_body=wishes.request_bytes,
    )
    return Door(lender, settings)
