"""Servers of tools: added, switched on and off, started when they are needed; and the tools that they offer."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from desktop import __version__
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.mcp_config import ToolServer, checked_name, expanded, servers_of
from desktop.core.tool_calls import ToolSpec
from desktop.core.tool_choice import TakenOut, uses
from desktop.core.tool_names import model_names
from desktop.core.words import tr
from desktop.mcp.records import Progressed, Returned
from desktop.mcp.session import CALL_SECONDS, START_SECONDS, Progress, Session
from desktop.services.kept_key import Place
from desktop.services.tools.offered import OfferedTool
from desktop.services.tools.permissions import Permissions
from desktop.services.tools.secrets import ToolSecrets
from desktop.services.tools.server_view import Phase, ServerView
from desktop.store.tool_servers import SavedServer, SavedTools, ToolServerStore
from desktop.system.listeners import Listeners
from desktop.system.spawn import start_thread

IDLE_SECONDS = 600.0  # a server that nobody calls gives its memory back
_AGAIN_SECONDS = 30.0  # one that could not be reached is not tried again with every question
_GLANCE_SECONDS = 0.1


@dataclass
class _Running:
    """A server that is started, or could not be. ``opening`` ends when that is known."""

    session: Session
    opening: threading.Event
    used: float
    error: HeftError | None = None
    failed_at: float = 0.0


class ToolService:
    """Calls may come from any thread; those that reach a server wait for it."""

    def __init__(
        self,
        store: ToolServerStore,
        secrets: ToolSecrets,
        directory: Path,
        proxy: Callable[[str], str] = lambda _url: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``directory`` is where the processes that speak to servers work; ``proxy`` is for an address, "" for none."""
        self._store, self._secrets, self._directory, self._proxy, self._clock = store, secrets, directory, proxy, clock
        self.permissions = Permissions(store)
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._listeners = Listeners[None]()
        self._closed = False
        self._sweeping: threading.Timer | None = None

    def subscribe(self, listener: Callable[[None], None]) -> Callable[[], None]:
        """Hear that something of it is otherwise, on any thread."""
        return self._listeners.add(listener)

    def servers(self) -> tuple[ServerView, ...]:
        """All that were added, as they are now; nothing is started."""
        return tuple(self._view(saved) for saved in self._store.read().servers)

    @property
    def problem(self) -> str:
        """What is wrong with the file that lists them; "" where nothing is."""
        return self._store.read().problem

    @property
    def path(self) -> Path:
        """The file that lists them."""
        return self._store.path

    @property
    def any_on(self) -> bool:
        """Whether any is switched on."""
        return any(saved.on and not saved.problem for saved in self._store.read().servers)

    def find(self, name: str) -> ServerView:
        """The server of a name. Raises NotFoundError."""
        wanted = name.casefold()
        found = next((one for one in self.servers() if one.name.casefold() == wanted), None)
        if found is None:
            said = tr("There is no server of tools called {name}.", name=name)
            raise NotFoundError(said, tr("See which there are: heft tools"))
        return found

    # -- what there is -----------------------------------------------------------------------------

    def add(self, server: ToolServer) -> Place | None:
        """Keep a server, switched off; where its values are kept. Raises UsageError for a name that is taken."""
        name = checked_name(server.name)
        if any(one.name.casefold() == name.casefold() for one in self.servers()):
            raise UsageError(tr("There is a server called {name}.", name=name), tr("Give it another name."))
        return self._keep(msgspec.structs.replace(server, name=name), replaces=None)

    def edit(self, name: str, server: ToolServer) -> Place | None:
        """Another description for a server, also another name; values that are not given stay. Raises HeftError."""
        before = self.find(name)
        new = checked_name(server.name)
        if any(one.name.casefold() == new.casefold() and one.name != before.name for one in self.servers()):
            raise UsageError(tr("There is a server called {name}.", name=new), tr("Give it another name."))
        known = ToolServer(before.name)
        with contextlib.suppress(HeftError):
            known = self._secrets.whole(before.saved)
        whole = msgspec.structs.replace(
            server,
            name=new,
            env={key: value or known.env.get(key, "") for key, value in server.env.items()},
            headers={key: value or known.headers.get(key, "") for key, value in server.headers.items()},
        )
        self._end(before.name)
        if before.saved.kept:
            self._secrets.forget(before.name)
        place = self._keep(whole, replaces=before.name)
        if new != before.name:
            self.permissions.ask_again(before.name)
        return place

    def import_file(self, path: Path) -> tuple[str, ...]:
        """Take the servers of another program's file, all switched off; names that are taken are numbered.

        Raises HeftError for a file that cannot be read, or is none.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            message, hint = tr("{name} cannot be read.", name=path.name), tr("Choose another file.")
            raise HeftError(message, hint, detail=str(error), kind=FailureKind.NOT_READABLE) from error
        names: list[str] = []
        for server in servers_of(text):
            taken, name, number = {one.name.casefold() for one in self.servers()}, server.name, 1
            while name.casefold() in taken:
                number += 1
                name = f"{server.name} {number}"
            self.add(msgspec.structs.replace(server, name=name))
            names.append(name)
        return tuple(names)

    def remove(self, name: str) -> None:
        """Forget a server, what is secret of it, and what was allowed. Raises NotFoundError, StoreError."""
        found = self.find(name)
        self._end(found.name)

        def without(saved: SavedTools) -> SavedTools:
            kept = tuple(one for one in saved.servers if one.server.name != found.name)
            return replace(saved, servers=kept, allowed=tuple(a for a in saved.allowed if a[0] != found.name))

        self._store.change(without)
        if found.saved.kept:
            self._secrets.forget(found.name)
        self._told()

    def switch(self, name: str, *, on: bool) -> None:
        """Offer a server's tools to models from now on, or no more; it is started when they are needed.

        Raises NotFoundError, StoreError, HeftError (tool-server) for an entry that is wrong.
        """
        found = self.find(name)
        if found.saved.problem and on:
            hint = tr("Correct it in {path}.", path=self.path)
            raise HeftError(found.saved.problem, hint, kind=FailureKind.TOOL_SERVER)
        self._store.change(
            lambda saved: replace(
                saved,
                servers=tuple(replace(one, on=on) if one.server.name == found.name else one for one in saved.servers),
            )
        )
        self._end(found.name)
        self._told()

    def value_names(self, name: str) -> ToolServer:
        """A server as it may be shown for editing: the names of what is kept elsewhere, without values."""
        saved = self.find(name).saved
        return msgspec.structs.replace(
            saved.server,
            env=saved.server.env | dict.fromkeys(saved.kept.env, ""),
            headers=saved.server.headers | dict.fromkeys(saved.kept.headers, ""),
        )

    # -- reaching them -----------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Begin to start a server, unless it runs or was tried a moment ago. Returns at once."""
        found = self.find(name)
        with self._lock:
            if self._closed:
                return
            running = self._running.get(found.name)
            if running is not None:
                fresh = running.failed_at and self._clock() - running.failed_at < _AGAIN_SECONDS
                if not running.opening.is_set() or running.session.alive or fresh:
                    return
            session = Session(ToolServer(found.name), __version__, self._directory)
            made = self._running[found.name] = _Running(session, threading.Event(), self._clock())
        start_thread(threading.Thread(target=self._open, args=(found, made), name="tools", daemon=True))
        self._told()

    def start_all(self, out: TakenOut = ()) -> None:
        """Begin to start all that are switched on, but for those of which a chat uses nothing."""
        for name in self._wanted(out):
            with contextlib.suppress(HeftError):
                self.start(name)

    def try_now(self, name: str, cancelled: Cancelled = never) -> ServerView:
        """Start a server, on or off, and wait. Raises HeftError that says why it cannot be reached."""
        found = self.find(name)
        if found.saved.problem:
            hint = tr("Correct it in {path}.", path=self.path)
            raise HeftError(found.saved.problem, hint, kind=FailureKind.TOOL_SERVER)
        self._end(found.name)
        self.start(found.name)
        self._await([found.name], cancelled)
        view = self.find(found.name)
        if view.error is not None:
            raise view.error
        return view

    def offered(self, cancelled: Cancelled = never, out: TakenOut = ()) -> tuple[OfferedTool, ...]:
        """The tools that a model is offered now, without those that its chat does not use; starts the servers and waits
        for those that start. CancelledError.
        """
        names = self._wanted(out)
        for name in names:
            self.start(name)
        self._await(names, cancelled)
        return self.known(out)

    def known(self, out: TakenOut = ()) -> tuple[OfferedTool, ...]:
        """Those of servers that run; nobody is waited for."""
        tools = [
            (view.name, tool)
            for view in self.servers()
            if view.saved.on and view.phase == "ready"
            for tool in view.tools
            if not tool.refused
        ]
        names = model_names((server, tool.name) for server, tool in tools)
        return tuple(
            OfferedTool(ToolSpec(name, tool.description, tool.schema or {"type": "object"}), server, tool)
            for name, (server, tool) in zip(names, tools, strict=True)
            if uses(out, server, tool.name)
        )

    def call(
        self,
        server: str,
        tool: str,
        arguments: dict[str, Any],
        *,
        cancelled: Cancelled = never,
        progress: Progress = lambda _step: None,
        seconds: float = CALL_SECONDS,
    ) -> Returned:
        """Call a tool; a server that ended meanwhile is started again. Raises HeftError, CancelledError."""
        self.start(server)
        self._await([server], cancelled)
        with self._lock:
            running = self._running.get(server)
        if running is None:
            raise NotFoundError(tr("{server} is not switched on.", server=server), tr("Switch it on."))
        if running.error is not None:
            raise running.error
        running.used = self._clock()

        def goes_on(step: Progressed) -> None:
            running.used = self._clock()
            progress(step)

        try:
            return running.session.call(tool, arguments, seconds=seconds, cancelled=cancelled, progress=goes_on)
        finally:
            running.used = self._clock()

    def close(self) -> None:
        """End all servers."""
        with self._lock:
            self._closed = True
            sweeping, self._sweeping = self._sweeping, None
            names = list(self._running)
        if sweeping is not None:
            sweeping.cancel()
        ending = [threading.Thread(target=self._end, args=(name,), daemon=True) for name in names]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    # -- inside ----------------------------------------------------------------------------------

    def _wanted(self, out: TakenOut) -> list[str]:
        on = [view.name for view in self.servers() if view.saved.on and not view.saved.problem]
        return [name for name in on if uses(out, name)]

    def _keep(self, server: ToolServer, replaces: str | None) -> Place | None:
        bare, names, place = self._secrets.keep(server)

        def changed(saved: SavedTools) -> SavedTools:
            if replaces is None:
                return replace(saved, servers=(*saved.servers, SavedServer(bare, kept=names)))
            return replace(
                saved,
                servers=tuple(
                    replace(one, server=bare, kept=names, problem="", others=None)
                    if one.server.name == replaces
                    else one
                    for one in saved.servers
                ),
            )

        self._store.change(changed)
        self._told()
        return place

    def _view(self, saved: SavedServer) -> ServerView:
        with self._lock:
            running = self._running.get(saved.server.name)
        always = self.permissions.always(saved.server.name)
        if running is None:
            return ServerView(saved, "resting" if saved.on else "off", always=always)
        session = running.session
        error = running.error or (session.error(session.lost) if session.lost is not None else None)
        phase: Phase = "starting" if not running.opening.is_set() else "failed" if error is not None else "ready"
        return ServerView(saved, phase, session.opened, session.tools, error, session.log, always)

    def _open(self, found: ServerView, running: _Running) -> None:
        try:
            server = expanded(self._secrets.whole(found.saved), os.environ)
            proxy = self._proxy(server.url) if server.url else ""
            session = Session(server, __version__, self._directory, self._told, proxy=proxy)
            with self._lock:
                wanted = self._running.get(found.name) is running and not self._closed
                running.session = session
            if wanted:
                session.open(seconds=START_SECONDS, cancelled=lambda: self._running.get(found.name) is not running)
        except HeftError as error:
            running.error, running.failed_at = error, self._clock()
        finally:
            running.used = self._clock()
            running.opening.set()
            self._told()
            self._sweep_later()

    def _await(self, names: Sequence[str], cancelled: Cancelled) -> None:
        for name in names:
            with self._lock:
                running = self._running.get(name)
            while running is not None and not running.opening.wait(_GLANCE_SECONDS):
                if cancelled():
                    raise CancelledError

    def _end(self, name: str) -> None:
        with self._lock:
            running = self._running.pop(name, None)
        if running is not None:
            running.session.close()

    def _sweep_later(self) -> None:
        with self._lock:
            if self._closed or self._sweeping is not None:
                return
            self._sweeping = threading.Timer(IDLE_SECONDS / 4, self._sweep)
            self._sweeping.daemon = True
            self._sweeping.start()

    def _sweep(self) -> None:
        """End those that nobody has called for long; they are started again when they are needed."""
        with self._lock:
            self._sweeping = None
            idle = [
                name
                for name, running in self._running.items()
                if running.opening.is_set() and self._clock() - running.used >= IDLE_SECONDS
            ]
        for name in idle:
            self._end(name)
        if idle:
            self._told()
        if self._running:
            self._sweep_later()

    def _told(self) -> None:
        self._listeners.tell(None)
