"""Others that a person added and named, servers and computers: found by name, renamed, asked all at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, UsageError
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.store.saved_list import Named, SavedList
from desktop.system.spawn import start_thread

LOOK_SECONDS = 15.0  # asking all of them takes no longer, whatever name look-ups do
LONGEST_NAME = 40
_GLANCE_SECONDS = 0.1
T = TypeVar("T", bound=Named)
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True)
class NameRule:
    """How one of a kind may be called, in words: ``thing`` is "server", ``signs`` cannot stand in its name, ``without``
    says which: "no slash". ``missing`` makes the error for a name that none has.
    """

    thing: str
    signs: str
    without: str
    missing: Callable[[str], HeftError]


class NamedList(Generic[T]):
    """Names are unlike one another, also without regard to capitals. Thread-safe."""

    def __init__(self, store: SavedList[T], rule: NameRule) -> None:
        self._store, self._rule = store, rule

    def all(self) -> tuple[T, ...]:
        """In the order in which they were added."""
        return self._store.all()

    def find(self, name: str) -> T:
        """The one of a name. Raises NotFoundError."""
        found = next((one for one in self.all() if one.name.casefold() == name.casefold()), None)
        if found is None:
            raise self._rule.missing(name)
        return found

    def change(self, change: Callable[[tuple[T, ...]], tuple[T, ...]]) -> None:
        """See :meth:`desktop.store.saved_list.SavedList.change`."""
        self._store.change(change)

    def replace(self, found: T, changed: T) -> None:
        """Keep ``changed`` in the place of the one that has the name of ``found``."""
        self._store.change(lambda known: tuple(changed if one.name == found.name else one for one in known))

    def rename(self, name: str, new: str) -> T:
        """The one with its new name. Raises NotFoundError, UsageError for a name that is none or is taken."""
        found = self.find(name)
        changed: T = msgspec.structs.replace(found, name=self.new_name(new, but=found.name))  # type: ignore[type-var]
        self.replace(found, changed)
        return changed

    def forget(self, found: T) -> None:
        """Remove it from the file."""
        self._store.change(lambda known: tuple(one for one in known if one.name != found.name))

    def new_name(self, name: str, but: str = "") -> str:
        """The name as it is kept. UsageError for one that is none, or that another than ``but`` has."""
        name, rule = " ".join(name.split()), self._rule
        if not name or len(name) > LONGEST_NAME or set(rule.signs) & set(name) or one_line(name) != name:
            raise UsageError(
                tr(
                    "A {thing}'s name has up to {longest_name} signs, and {without}.",
                    thing=rule.thing,
                    longest_name=LONGEST_NAME,
                    without=rule.without,
                ),
                tr("Give it another name."),
            )
        if name.casefold() in self._taken(but):
            raise UsageError(
                tr("There is a {thing} called {name}.", thing=rule.thing, name=name), tr("Give it another name.")
            )
        return name

    def free_name(self, wanted: str, but: str = "") -> str:
        """What was wanted, cut to its length, with a number where another than ``but`` has it."""
        taken, number = self._taken(but), 1
        found = name = wanted[:LONGEST_NAME]
        while found.casefold() in taken:
            number += 1
            found = f"{name[: LONGEST_NAME - 4]}-{number}"
        return found

    def _taken(self, but: str) -> Sequence[str]:
        return [one.name.casefold() for one in self.all() if one.name != but]


def ask_all(
    everyone: Sequence[S],
    ask: Callable[[S], R],
    seconds: float,
    cancelled: Cancelled = never,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[R | None, ...]:
    """Ask all of them at the same time; None for each that has not answered within ``seconds``, or once ``cancelled``
    says that nobody waits any more.
    """
    found: list[R | None] = [None] * len(everyone)

    def put(number: int) -> None:
        with contextlib.suppress(CancelledError):
            found[number] = ask(everyone[number])

    asking = [threading.Thread(target=put, args=(number,), daemon=True) for number in range(len(everyone))]
    for thread in asking:
        start_thread(thread)
    end = clock() + seconds
    for thread in asking:
        while thread.is_alive() and clock() < end and not cancelled():
            thread.join(_GLANCE_SECONDS)
    return tuple(found)
