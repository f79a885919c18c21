"""A member that is made at its first use, once, whichever thread is first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, overload

T = TypeVar("T")


class Keeper(Protocol):
    """Keeps the members that were made; see :class:`desktop.services.container.Container`."""

    def member(self, name: str, make: Callable[[Any], T]) -> T:
        """The member called ``name``, made now if need be."""


class made_once(Generic[T]):  # noqa: N801 - used as a decorator
    """A member of a :class:`Keeper` that is made at its first use, by one thread, whichever they are.

    (``functools.cached_property`` makes it twice when two threads are first: it has no lock since Python 3.12.)
    A failure to make it is raised, and the next use tries again.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, container: None, owner: type[Any]) -> made_once[T]: ...
    @overload
    def __get__(self, container: Keeper, owner: type[Any]) -> T: ...
    def __get__(self, container: Keeper | None, owner: type[Any]) -> made_once[T] | T:
        if container is None:
            return self
        return container.member(self.name, self._make)
