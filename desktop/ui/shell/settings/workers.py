"""The page of other computers: those that lend their devices to this one, each with what it lends and the way there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from desktop.core.cancelled import Cancelled
from desktop.core.words import tr
from desktop.services.worker.words import ABOUT, address_words, link_words, reached_words
from desktop.services.worker.workers import Reached
from desktop.ui.shell.settings.add_worker import AddWorker, NamedWorker
from desktop.ui.shell.settings.others_pane import Act, Naming, OthersPane, Row
from desktop.ui.shell.settings.writer import OptionWriter
from desktop.ui.shell.tasks import Tasks
from desktop.ui.shell.theme import Theme

if TYPE_CHECKING:
    from desktop.services.worker.workers import WorkerService


class WorkersPane(OthersPane[Reached]):
    """Shows :class:`WorkerService`."""

    def __init__(self, writer: OptionWriter, theme: Theme, tasks: Tasks, workers: Callable[[], WorkerService]) -> None:
        naming = Naming(
            one="worker", all="workers", address="Address", title=tr("Other computers"), about=ABOUT,
            test_tip=tr("Ask every computer now"), test_spoken=tr("Test all computers"),
        )  # fmt: skip
        super().__init__(writer, theme, tasks, naming, AddWorker())
        self._workers = workers

    def known(self) -> Sequence[Reached]:
        """Those that were added, not asked yet."""
        return tuple(Reached(one) for one in self._workers().all())

    def look(self, cancelled: Cancelled) -> Sequence[Reached]:
        """All of them, asked."""
        return self._workers().look(cancelled)

    def added(self, given: NamedWorker, cancelled: Cancelled) -> Reached:
        """Add what was typed."""
        if given.ssh:
            return self._workers().add_by_ssh(given.ssh, given.name, given.heft, cancelled)
        return self._workers().add(given.pairing, given.name)

    def row(self, found: Reached) -> Row:
        """One of them in words."""
        one = found.worker
        return Row(one.name, address_words(one), reached_words(found), ((tr("Link"), link_words(one.link)),))

    def acts(self) -> Sequence[Act]:
        """The buttons of a row."""
        return (
            Act("Test", tr("Test"), tr("Ask it now"), self._test),
            Act("Measure", tr("Measure"), tr("How quick the way there is: takes up to 10 seconds"), self._measure),
            Act("Rename", tr("Rename…"), tr("Another name for it"), self.ask_name),
            Act("Remove", tr("Remove"), tr("Forget it and its key"), self._remove),
        )

    def rename(self, name: str, new: str) -> None:
        """Call it otherwise from now on."""
        self.do(lambda _: tr("It is called {name} now.", name=self._workers().rename(name, new).name))

    def _test(self, name: str) -> None:
        self.do(lambda _: f"{name}: {reached_words(self._workers().test(name))}", tr("Asking {name}…", name=name))

    def _measure(self, name: str) -> None:
        self.do(
            lambda context: f"{name}: {link_words(self._workers().measure(name, lambda: context.cancelled).link)}",
            tr("Measuring the way to {name}, which takes up to 10 seconds…", name=name),
        )

    def _remove(self, name: str) -> None:
        self.do(lambda _: tr("{name} and its key are forgotten.", name=self._workers().remove(name).name))
