"""The lender of this computer's models, made of Heft's services."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.memory.cache import context_by
from desktop.core.model_kind import purpose_of
from desktop.core.model_ref import ModelRef
from desktop.core.text import file_name
from desktop.engine.api import Hello, Load
from desktop.services.serve.api import Purpose, ServedModel
from desktop.services.serve.catalog import Catalog, GivenNames
from desktop.services.serve.lender import Lender
from desktop.services.serve.loans import Server
from desktop.services.serve.room import MemoryNow
from desktop.services.serve.window import EngineWindow
from desktop.store.paths import Paths

if TYPE_CHECKING:
    from desktop.core.placement import Method
    from desktop.services.engine.supervisor import EngineService
    from desktop.services.machine.this_machine import ThisMachine
    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import Here, PlanningService


MOST_SLOTS = 4  # where nobody set a number; a further one takes a whole cache


def served_plan(
    planning: PlanningService,
    ref: ModelRef,
    purpose: Purpose,
    cancelled: Cancelled,
    *,
    here: Here | None = None,
    method: Method = "engine",
) -> LoadPlan:
    """A model's plan for other programs: as it is set up, with as many slots as there is room for where that is unset.

    More of them never push layers off a card. ``here`` None looks at this computer; ``method`` "estimate" plans so
    without the engine what nobody has asked for.
    """
    alone = planning.for_load(ref, cancelled=cancelled, here=here, method=method)
    if purpose != "text" or alone.asked.slots is not None or alone.fit is None or not alone.fits:
        return alone
    slots = MOST_SLOTS
    while slots > 1:
        plan = planning.for_load(ref, LoadSettings(slots=slots), cancelled, here=here, method=method)
        if plan.fit is not None and plan.fits and plan.fit.placement == alone.fit.placement:
            return plan
        slots //= 2
    return alone


def make_lender(
    paths: Paths,
    library: LibraryService,
    planning: PlanningService,
    engine: EngineService,
    machine: ThisMachine,
    own: Callable[[], dict[str, int]],
    idle_seconds: Callable[[], float],
) -> Lender:
    """``own`` is what all of Heft's servers hold of each device and would give back."""

    def plan(model: ServedModel, purpose: Purpose, cancelled: Cancelled) -> LoadPlan:
        return served_plan(planning, model.ref, purpose, cancelled)

    def prospect(model: ServedModel) -> LoadPlan:
        return served_plan(planning, model.ref, purpose_of(model.kind), never, here=planning.here(), method="estimate")

    def context(model: ServedModel) -> int:
        return context_by(planning.settings_of(model.ref), model.context_length)

    def hello() -> Hello | None:
        try:
            return engine.hello()
        except HeftError:
            return None

    def start(plan: LoadPlan, _purpose: Purpose, cancelled: Cancelled, ended: Callable[[], None]) -> Server:
        from desktop.engine.server.lent import LentServer

        log = paths.logs / file_name(f"served-{plan.ref.name}", "log")
        return LentServer(
            Load.of(plan), log_path=log, directory=paths.scratch, hello=hello, cancelled=cancelled, ended=ended
        )

    def used(model: ServedModel) -> None:
        with suppress(HeftError):  # a list that cannot be written sorts by other things
            library.note_used(model.ref.files[0])

    window = EngineWindow(engine)
    lender = Lender(
        Catalog(library, GivenNames(paths.data / "served_names.json")),
        plan,
        start,
        MemoryNow(machine.for_load, own),
        prospect=prospect,
        context=context,
        window=window,
        idle_seconds=idle_seconds,
        used=used,
    )
    engine.make_way = lender.make_way
    return lender
