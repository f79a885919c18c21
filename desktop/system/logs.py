"""Which records of the log are written: levels by category, and the words in which a person names them.

Every module logs by its own name (``desktop.hub.client``); a category is one or more of those branches. What is logged
names files, repos, sizes, states and kinds of failure: never a chat's text, a token, or the query of an address, which
may be signed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from desktop.core.secrets import TOKEN_VARIABLES, without_tokens

VARIABLE = "HEFT_LOG_LEVEL"
ROOT = "desktop"
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "app": ("desktop.app", "desktop.start", "desktop.cli"),
    "ui": ("desktop.ui",),
    "chat": ("desktop.ui.chat", "desktop.services.chat", "desktop.store.chats"),
    "engine": ("desktop.engine", "desktop.services.engine"),
    "hub": ("desktop.hub", "desktop.services.hub_account", "desktop.services.network"),
    "models": ("desktop.services.models", "desktop.services.inspect", "desktop.store.library"),
    "planning": ("desktop.services.planning", "desktop.services.discover"),
    "jobs": ("desktop.services.jobs", "desktop.services.models.downloads_job"),
    "serve": ("desktop.services.serve",),
    "machine": ("desktop.machine", "desktop.services.machine"),
    "store": ("desktop.store",),
    "system": ("desktop.system",),
}
ACCEPTED = (
    f"{', '.join(LEVELS)}, for all or by category: 'debug', or 'hub=debug,engine=info'. "
    f"Categories: {', '.join(CATEGORIES)}"
)


def levels_of(text: str) -> dict[str, int]:
    """The level of each logger by what ``text`` says ("debug", "error,hub=debug"). Raises ValueError."""
    general: dict[str, int] = {}
    special: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        category, _, word = part.rpartition("=")
        level = LEVELS.get(word.strip().lower())
        if level is None:
            raise ValueError(word or part)
        if not category:
            general[ROOT] = level
            continue
        if category.strip() not in CATEGORIES:
            raise ValueError(category)
        special.update(dict.fromkeys(CATEGORIES[category.strip()], level))
    return {ROOT: logging.INFO, **general, **special}


@contextmanager
def logged(levels: Mapping[str, int], handlers: Iterable[logging.Handler] = ()) -> Iterator[None]:
    """Write records of these ``levels`` by logger to ``handlers``, until the end of the block."""
    before = {name: logging.getLogger(name).level for name in levels}
    root, added = logging.getLogger(ROOT), list(handlers)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for handler in added:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in added:
            root.removeHandler(handler)
            handler.close()
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def stderr_handler() -> logging.Handler:
    """For a person who asked: each record a line of standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CarefulFormatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    return handler


class CarefulFormatter(logging.Formatter):
    """An exception of a library may carry the request it was about, headers included."""

    def format(self, record: logging.LogRecord) -> str:
        known = (os.environ.get(name, "") for name in TOKEN_VARIABLES)
        return without_tokens(super().format(record), known)


class LateHandler(logging.Handler):
    """Makes its handler with the first record, so that who logs nothing pays nothing; without one where that fails."""

    def __init__(self, make: Callable[[], logging.Handler]) -> None:
        super().__init__()
        self._make = make
        self._made: logging.Handler | None = None
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Called with this handler's lock held."""
        if self._made is None and not self._failed:
            try:
                self._made = self._make()
            except (OSError, ImportError, MemoryError):
                self._failed = True  # a folder that cannot be written, no memory: the work goes on without a log
        if self._made is not None:
            self._made.handle(record)

    def close(self) -> None:
        """Close what was made."""
        if self._made is not None:
            self._made.close()
        super().close()
