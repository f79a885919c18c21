"""The window's pages: how each is made of the container's services, at its first visit, and how they lead to another.

Part of the composition root (:mod:`desktop.app`): the only place that knows all wings.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.words import tr
from desktop.services.container import Container
from desktop.ui.chat.actions import CHAT_ACTIONS
from desktop.ui.discover.actions import DISCOVER_ACTIONS
from desktop.ui.inspect.actions import INSPECT_ACTIONS
from desktop.ui.lab.actions import LAB_ACTIONS
from desktop.ui.library.actions import LIBRARY_ACTIONS
from desktop.ui.machine.actions import MACHINE_ACTIONS
from desktop.ui.serve.actions import SERVE_ACTIONS
from desktop.ui.shell.engine_bridge import Bridge, merge_chat_events
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Tasks
from desktop.ui.shell.theme import Theme
from desktop.ui.shell.window import PageEntry

if TYPE_CHECKING:
    from desktop.core.load_plan import LoadPlan
    from desktop.services.models.downloads_records import DownloadState
    from desktop.ui.chat.page import ChatPage
    from desktop.ui.discover.parts import DiscoverParts
    from desktop.ui.inspect.page import InspectPage
    from desktop.ui.inspect.parts import InspectorParts
    from desktop.ui.serve.watch import ServeView, ServeWatch
    from desktop.ui.shared.chosen_machine import ChosenMachine


class Pages:
    """Makes the pages and goes to them. Close the bridges before the engine ends, the rest after the tasks have."""

    def __init__(
        self,
        container: Container,
        tasks: Tasks,
        theme: Theme,
        engine_bridge: Bridge,
        *,
        go_to: Callable[[str], Page],
        chat_heard: Callable[[object], None],
        downloaded: Callable[[DownloadState], None],
        serving: Callable[[str], None],
    ) -> None:
        """``go_to`` shows a page by its name; ``chat_heard`` gets the chat's events, ``downloaded`` what has come.

        ``serving`` hears how many programs use the models, in words, "" while nothing is served.
        """
        self._container = container
        self._tasks = tasks
        self._theme = theme
        self._engine_bridge = engine_bridge
        self._go_to = go_to
        self._chat_heard = chat_heard
        self._downloaded = downloaded
        self._serving = serving
        self._bridges = ExitStack()
        self._parts = ExitStack()

    def entries(self) -> tuple[PageEntry, ...]:
        """The pages of the rail, in their order."""
        return (
            PageEntry("discover", tr("Discover"), "discover", self._discover_page, DISCOVER_ACTIONS),
            PageEntry("library", tr("Library"), "library", self._library_page, LIBRARY_ACTIONS),
            PageEntry("chat", tr("Chat"), "chat", self._chat_page, CHAT_ACTIONS),
            PageEntry("inspect", tr("Inspect"), "inspect", self._inspect_page, INSPECT_ACTIONS),
            PageEntry("lab", tr("Lab"), "lab", self._lab_page, LAB_ACTIONS),
            PageEntry("serve", tr("Serve"), "serve", self._serve_page, SERVE_ACTIONS),
            PageEntry("machine", tr("Machine"), "machine", self._machine_page, MACHINE_ACTIONS),
        )

    def close_bridges(self) -> None:
        """Hear nothing of the chat any more."""
        self._bridges.close()

    def close(self) -> None:
        """End what the pages started."""
        self._parts.close()

    # -- from one page to another ----------------------------------------------------------------

    def open_file(self, path: Path) -> None:
        """Load a model file in place of the present one, as it was set up, and go to the chat."""
        self.chat().open_model(path)

    def run(self, plan: LoadPlan) -> None:
        """Load a model just as it was weighed and go to the chat."""
        self.chat().run_plan(plan)

    def inspect(self, source: str) -> None:
        """Look into a model: a path, an ``hf:`` address or a library name."""
        self.inspector().open(source)

    def remove(self, path: Path) -> None:
        """Go to the page Library and ask there whether a model is to be removed."""
        from desktop.ui.library.page import LibraryPage

        page = self._go_to("library")
        assert isinstance(page, LibraryPage)
        page.ask_remove(path)

    def show_in_library(self, path: Path) -> None:
        """Go to the page Library and select there the model of a file."""
        from desktop.ui.library.page import LibraryPage

        page = self._go_to("library")
        assert isinstance(page, LibraryPage)
        page.show_file(path)

    def serve(self) -> None:
        """Switch the server for other programs on, in the background; what keeps it from starting is told."""
        service, watch = self._container.serve, self._serve_watch

        def switch_on() -> None:
            if (error := service.switch_on().error) is not None:
                raise error

        self._tasks.run(lambda context: switch_on(), lane=Lane.JOB, owner=watch)

    def restore_jobs(self) -> None:
        """Take up the jobs of earlier sessions; the pages themselves may wait."""
        self._discover.restore()

    def chat(self) -> ChatPage:
        """Go to the page Chat."""
        from desktop.ui.chat.page import ChatPage

        page = self._go_to("chat")
        assert isinstance(page, ChatPage)
        return page

    def inspector(self) -> InspectPage:
        """Go to the page Inspect."""
        from desktop.ui.inspect.page import InspectPage

        page = self._go_to("inspect")
        assert isinstance(page, InspectPage)
        return page

    # -- the pages -------------------------------------------------------------------------------

    def _discover_page(self) -> Page:
        page = self._discover.page()
        page.run_requested.connect(self.run)
        page.inspect_requested.connect(self.inspect)
        return page

    def _lab_page(self) -> Page:
        from desktop.ui.lab.further import FurtherServices
        from desktop.ui.lab.page import LabPage

        container = self._container
        page = LabPage(
            self._container.library,
            lambda: self._container.quantizing,
            lambda: self._container.measuring,
            lambda: self._container.at_hand,
            lambda: self._container.chat_texts,
            lambda: self._container.comparing,
            lambda: self._container.number_lab,
            self._tasks,
            self._theme,
            further=FurtherServices(
                lambda: container.importance,
                lambda: container.mixing,
                lambda: container.benching,
                lambda: container.tuning,
            ),
        )
        page.chat_asked.connect(self.open_file)
        page.library_asked.connect(self.show_in_library)
        return page

    def _library_page(self) -> Page:
        from desktop.ui.library.page import LibraryPage

        page = LibraryPage(
            self._container.library,
            self._container.removals,
            lambda: self._container.planning,
            self._chosen_machine,
            self._tasks,
            self._theme,
            joining=lambda: self._container.joining,
            measured=self._container.measured_of,
        )
        page.run_requested.connect(lambda model: self.open_file(model.path))
        page.inspect_requested.connect(lambda model: self.inspect(str(model.path)))
        return page

    def _chat_page(self) -> Page:
        from desktop.ui.chat.page import ChatPage

        page = ChatPage(
            self._container.chats,
            self._container.chat,
            self._container.engine,
            lambda: self._container.library,
            lambda: self._container.planning,
            self._container.sampling.defaults,
            lambda: self._container.answers,
            lambda: self._container.endpoints,
            self._container.settings,
            self._engine_bridge,
            self._chat_bridge,
            self._tasks,
            self._theme,
            attachments=lambda: self._container.attachments,
            typeset=lambda latex, display: self._container.formulas.outline(latex, display=display),
            tools=lambda: self._container.tools,
        )
        page.template_asked.connect(lambda path: self.inspector().open(str(path), "template"))
        page.typed.connect(lambda: self._container.idle_sleep.used())  # noqa: PLW0108 - made at the first key
        return page

    def _inspect_page(self) -> Page:
        from desktop.ui.inspect.page import InspectPage

        parts = self._inspector_parts
        page = InspectPage(
            self._container.inspection,
            self._container.library,
            self._container.settings,
            lambda: self._container.engine.state,
            self._tasks,
            self._theme,
            tabs=parts.tabs(),
            panel=parts.panel,
            summary=parts.summary,
        )
        page.run_requested.connect(self.open_file)
        return page

    @cached_property
    def _inspector_parts(self) -> InspectorParts:
        from desktop.ui.inspect.parts import InspectorParts

        made = self._container
        parts = InspectorParts(
            self._theme, self._tasks, made.paths, made.inspection, lambda: made.answers, self._show_versions,
            self._show_numbers, lambda: made.converting,
        )  # fmt: skip
        self._parts.callback(parts.close)
        return parts

    def _show_numbers(self, path: Path, tensor: str) -> None:
        from desktop.ui.lab.page import LabPage

        page = self._go_to("lab")
        assert isinstance(page, LabPage)
        page.show_numbers(path, tensor)

    def _show_versions(self, base: str) -> None:
        from desktop.ui.discover.page import DiscoverPage

        page = self._go_to("discover")
        assert isinstance(page, DiscoverPage)
        page.show_versions_of(base)

    def _serve_page(self) -> Page:
        from desktop.ui.serve.page import ServePage

        made = self._container
        page = ServePage(made.serve, self._serve_watch, made.settings, self._tasks, self._theme)
        page.models_asked.connect(lambda: self._go_to("discover"))
        return page

    @cached_property
    def _serve_watch(self) -> ServeWatch:
        from desktop.ui.serve.watch import ServeWatch, status_words

        def show(view: ServeView) -> None:
            self._serving(status_words(view))

        watch = ServeWatch(self._container.serve, self._tasks)
        self._bridges.callback(watch.close)
        watch.seen.connect(show)
        return watch

    def _machine_page(self) -> Page:
        from desktop.ui.machine.page import MachinePage
        from desktop.ui.machine.trust_panel import TrustSources

        sources = TrustSources(self._container.ledger.trust, self._container.calibration)
        made = self._container
        return MachinePage(made.machine, self._tasks, self._theme, sources, self._chosen_machine, made.held)

    @cached_property
    def _chosen_machine(self) -> ChosenMachine:
        from desktop.ui.shared.chosen_machine import ChosenMachine

        return ChosenMachine(self._container.machine, self._tasks)

    # -- parts, made at first use ----------------------------------------------------------------

    @cached_property
    def _chat_bridge(self) -> Bridge:
        bridge = Bridge(self._container.chat.subscribe, merge_chat_events)
        self._bridges.callback(bridge.close)
        bridge.received.connect(self._chat_heard)
        return bridge

    @cached_property
    def _discover(self) -> DiscoverParts:
        from desktop.ui.discover.parts import DiscoverParts

        parts = DiscoverParts(self._theme, self._tasks, self._container, lambda: self._chosen_machine)
        self._parts.callback(parts.close)
        parts.finished.connect(self._downloaded)
        parts.remove_asked.connect(self.remove)
        return parts
