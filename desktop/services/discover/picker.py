"""The picker: opens repos of the Hub to be looked at (:mod:`desktop.services.discover.picked_repo`)."""

from __future__ import annotations

from collections.abc import Callable

from desktop.core.hardware import Machine
from desktop.core.load_settings import NOTHING_SET, LoadSettings
from desktop.core.model_ref import ModelRef
from desktop.core.pools import Reclaimable
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker_records import EnginePlanner, Measured, RateSource, unmeasured
from desktop.services.discover.tables import DataTables
from desktop.services.discover.target_machine import OwnPlace
from desktop.services.models.local_copies import LocalCopies


class PickerService:
    """Opens repos. Thread-safe; every method waits for the network."""

    def __init__(
        self,
        search: HubSearch,
        headers: HeaderReader,
        tables: DataTables,
        machine: Callable[[], Machine],
        *,
        planner: EnginePlanner | None = None,
        rates: RateSource | None = None,
        held: Callable[[], Reclaimable] = Reclaimable,
        copies: LocalCopies | None = None,
        remembered: Callable[[ModelRef], LoadSettings] = lambda _ref: NOTHING_SET,
        threads: Callable[[], int] = lambda: 0,
        measured: Measured = unmeasured,
    ) -> None:
        """``machine`` is this computer as it is now; ``held`` what its running engine would give back.

        ``copies`` finds variants that are on this computer already; ``remembered`` is what was set for a model,
        ``threads`` are those of the user's settings (0: the physical cores), ``measured`` is what was measured here.
        """
        self._search = search
        self._headers = headers
        self._tables = tables
        self._machine = machine
        self._planner = planner
        self._rates = rates
        self._held = held
        self._copies = copies
        self._remembered = remembered
        self._threads = threads
        self._measured = measured

    def open(self, repo: str, revision: str | None = None, own: OwnPlace | None = None) -> PickedRepo:
        """A repo with its variants, nothing read of them yet; ``own`` where several share one. Raises HubError."""
        files = self._search.files(repo, revision)
        own = own or self.own_place()
        made = PickedRepo(
            files, self._headers, self._tables, own, self._planner, self._rates, self._copies, self.usual,
            self._measured,
        )  # fmt: skip
        made.remembered = made.first_remembered(self._remembered)
        return made

    def own_place(self) -> OwnPlace:
        """This computer, to be looked at again; what its engine holds counts as free."""
        return OwnPlace(self._machine, self._held)

    def usual(self) -> LoadSettings:
        """What holds for every load now."""
        return LoadSettings(threads=self._threads() or None)

    def this_machine(self) -> Machine:
        """This computer now."""
        return self._machine()
