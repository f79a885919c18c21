"""Where else a repo's variants could run: shared with another computer, on that one as a whole, on another server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from desktop.core.choice_options import READING_SPEED
from desktop.core.endpoint_model import EndpointModel
from desktop.core.hardware import Machine
from desktop.core.naming import base_name, label
from desktop.core.pools import hypothetical, workers_asked
from desktop.core.speed import DeviceSpeed
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker_records import Controls, VariantRow, View
from desktop.services.worker.about import About
from desktop.services.worker.ways import Way, WayKind, best, own_devices, shared_devices
from desktop.services.worker.workers import Reached
from desktop.store.endpoints import SavedEndpoint

_SEPARATORS = re.compile(r"[-_.: ]+")
_SAYS_NOTHING = frozenset(("gguf", "latest", "instruct", "it", "chat"))  # what some servers leave out of a name


@dataclass(frozen=True)
class Other:
    """The repo as another way would run it. ``serves`` is the address of that computer's own server, ``server`` its
    name among the other servers that were added; "" where there is none.
    """

    kind: WayKind
    worker: str
    devices: str
    view: View
    serves: str = ""
    server: str = ""


@dataclass(frozen=True)
class Suggestion:
    """What to do about a variant that is too large or slow here. ``way`` is clearly better than to ``stay``, None where
    none is; ``server`` is as of :class:`Other`; ``offers`` are models of other servers that go by the same name.
    """

    variant: str
    stay: Way
    way: Way | None = None
    server: str = ""
    offers: tuple[EndpointModel, ...] = ()


@dataclass(frozen=True)
class Elsewhere:
    """A repo weighed each way. ``shared`` are the computers with which it is weighed in the view that is shown,
    ``gone`` those that were asked for and lend nothing now; ``stay`` and ``others`` are as Heft finds them.
    """

    stay: View
    others: tuple[Other, ...] = ()
    models: tuple[EndpointModel, ...] = ()
    shared: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def ways(self, variant: str) -> tuple[Way, ...]:
        """To stay, and each other way; none where no other computer lends its devices, or there is no such variant."""
        return tuple(way for way, _ in self._ways(variant)) if self.others else ()

    def struggles(self, variant: str) -> bool:
        """Whether a variant is too large or slow here; also where none is meant, since none is to be taken then."""
        row = _row(self.stay, variant)
        return row is None or (row.plan is not None and not does_well(Way("stay", plan=row.plan)))

    def suggestion(self, variant: str = "") -> Suggestion | None:
        """What would be clearly better than to run a variant here; None where nothing would, or it does well here.

        Without a ``variant`` it is the one to take elsewhere, of a repo of which none is to be taken here.
        """
        if variant:
            return self._suggested(variant)
        found = [self._suggested(row.variant.name) for row in self._taken_elsewhere()]
        better = [one for one in found if one is not None and one.way is not None]
        if better:
            return max(better, key=lambda one: one.way.rate if one.way is not None else 0.0)
        row = self.stay.rows[0] if self.stay.rows else None
        return self._suggested(row.variant.name) if row is not None else None

    def offers(self, row: VariantRow) -> tuple[EndpointModel, ...]:
        """Models of other servers that go by this one's name."""
        repo = self.stay.repo
        names = [row.variant.first_file.path.rpartition("/")[2]]
        if not self.stay.several:
            names += [repo.id.rpartition("/")[2], (repo.summary.base_model or "").rpartition("/")[2]]
        wanted = {plain_name(name) for name in names} - {()}
        return tuple(model for model in self.models if plain_name(model.title) in wanted)

    # -- inside ----------------------------------------------------------------------------------

    def _suggested(self, variant: str) -> Suggestion | None:
        row, ways = _row(self.stay, variant), self._ways(variant)
        if row is None or row.plan is None or does_well(ways[0][0]):
            return None
        found = suggested(variant, [way for way, _ in ways], self.offers(row))
        server = next((server for way, server in ways if found is not None and way is found.way), "")
        return replace(found, server=server) if found is not None else None

    def _ways(self, variant: str) -> list[tuple[Way, str]]:
        """Each with the name of the server that it leads to."""
        row = _row(self.stay, variant)
        if row is None:
            return []
        asked = self.stay.controls.load.devices
        found = [(Way("stay", "", own_devices(asked), row.plan), "")]
        for other in self.others:
            there = _row(other.view, variant)
            plan = there.plan if there is not None else None
            found.append((Way(other.kind, other.worker, other.devices, plan, serves=other.serves), other.server))
        return found

    def _taken_elsewhere(self) -> Iterable[VariantRow]:
        return (row for other in self.others if (row := other.view.recommended) is not None)


class ElsewhereService:
    """Weighs a repo each way, by formulas. Calls may come from any thread; nobody is asked."""

    def __init__(
        self,
        lent: Callable[[], Sequence[Reached]],
        adopt: Callable[[Machine, dict[str, DeviceSpeed]], None],
        servers: Callable[[], Sequence[SavedEndpoint]],
        summon: Callable[[], None] = lambda: None,
    ) -> None:
        """``lent`` are the computers whose devices the engine may use now, ``servers`` those that were added;
        ``adopt`` takes what another computer says of its own speed, ``summon`` starts those that ssh starts.
        """
        self._lent, self._adopt, self._servers, self._summon = lent, adopt, servers, summon
        self._machines: dict[
            str, tuple[About, Machine]
        ] = {}  # by fingerprint: the same one is asked for its speed once

    def summon(self) -> None:
        """Let the computers come that have to be started first; takes as long as that does."""
        self._summon()

    def look(self, repo: PickedRepo, controls: Controls) -> Elsewhere:
        """The repo here, and each other way; here alone where ``controls`` are for another machine."""
        asked = controls.load.devices
        alone = replace(controls, load=replace(controls.load, devices=None)) if workers_asked(asked) else controls
        stay = repo.view(alone)
        if controls.machine is not None or stay.machine is None:
            return Elsewhere(stay)
        servers, lent = self._servers(), {gpu.worker for gpu in stay.machine.gpus if gpu.worker}
        models = tuple(EndpointModel(server.name, model) for server in servers for model in server.models)
        wanted = workers_asked(asked)
        shared = repo.view(controls) if wanted else stay
        there = wanted if workers_asked(shared.controls.load.devices) else ()
        others: list[Other] = []
        for reached in self._lent():
            name, about = reached.worker.name, reached.about
            if about is None:
                continue
            if name in lent:
                devices = shared_devices(own_devices(asked), name)
                load = replace(controls.load, devices=devices)
                others.append(Other("split", name, devices, repo.view(replace(controls, load=load))))
            server = next((one.name for one in servers if about.serves and _same_place(one.url, about.serves)), "")
            load = replace(controls.load, devices=None).elsewhere
            view = repo.view(replace(controls, load=load, machine=self._machine(reached.worker.fingerprint, about)))
            others.append(Other("whole", name, "", view, about.serves, server))
        gone = () if there or not wanted else wanted
        return Elsewhere(stay, tuple(others), models, there, gone)

    def _machine(self, fingerprint: str, about: About) -> Machine:
        known = self._machines.get(fingerprint)
        if known is None or known[0] is not about:
            self._adopt(about.machine, about.speeds)
            known = self._machines[fingerprint] = (about, hypothetical(about.machine))
        return known[1]


def does_well(stay: Way) -> bool:
    """Whether a model that stays here fits, and answers as fast as a person reads, as far as that is known."""
    return stay.fits and (not stay.rate or round(stay.rate, 1) >= READING_SPEED)


def suggested(name: str, ways: Sequence[Way], offers: tuple[EndpointModel, ...] = ()) -> Suggestion | None:
    """What to do about a model by its ways, to stay first; None where it does well, or there is nothing better."""
    if not ways or does_well(ways[0]):
        return None
    chosen = best(ways)
    better = chosen if chosen is not ways[0] else None
    return Suggestion(name, ways[0], better, offers=offers) if better is not None or offers else None


def plain_name(name: str) -> tuple[str, ...]:
    """The words of a model's name that every server keeps: without quantization and format, in small letters."""
    found = label(name)
    known = base_name(name) if found else name.removesuffix(".gguf")
    words = [word for word in _SEPARATORS.split(known.casefold()) if word]
    return tuple(word for word in words if word not in _SAYS_NOTHING)


def _row(view: View, variant: str) -> VariantRow | None:
    return next((row for row in view.rows if row.variant.name == variant), None)


def _same_place(first: str, second: str) -> bool:
    return urlsplit(first).netloc == urlsplit(second).netloc
