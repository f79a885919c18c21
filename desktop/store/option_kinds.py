"""Kinds of options: which values one takes, how they are read from the file, typed, and shown."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec

from desktop.core.units import byte_count, human_bytes, human_count, whole
from desktop.core.words import tr

T = TypeVar("T")
S = TypeVar("S", bound=str)
_ON, _OFF = ("on", "true", "yes", "1"), ("off", "false", "no", "0")


class Kind(ABC, Generic[T]):
    """What an option may be. All methods are pure."""

    @property
    @abstractmethod
    def accepts(self) -> str:
        """Which values are taken, to follow "It takes": ``on or off``."""

    @abstractmethod
    def checked(self, value: object) -> T:
        """A value of the file, or of the program, as it is kept. Raises ValueError for one that is not taken."""

    @abstractmethod
    def parsed(self, text: str) -> T:
        """What a person typed. Raises ValueError for what is not taken."""

    def written(self, value: T) -> str:
        """As a person types it."""
        return str(value)


@dataclass(frozen=True, eq=False, repr=False)
class Switch(Kind[bool]):
    """On or off."""

    @property
    def accepts(self) -> str:
        return tr("on or off")

    def checked(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(value)
        return value

    def parsed(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in (*_ON, *_OFF):
            raise ValueError(text)
        return word in _ON

    def written(self, value: bool) -> str:
        return "on" if value else "off"


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Kind[S]):
    """One of a few words. ``choices`` holds each value and what a person reads for it."""

    choices: tuple[tuple[S, str], ...]

    @property
    def accepts(self) -> str:
        values = [value for value, _ in self.choices]
        return f"{', '.join(values[:-1])} or {values[-1]}"

    def checked(self, value: object) -> S:
        for known, _ in self.choices:
            if value == known.casefold():
                return known
        raise ValueError(value)

    def parsed(self, text: str) -> S:
        return self.checked(text.strip().lower())


@dataclass(frozen=True, eq=False, repr=False)
class Whole(Kind[int]):
    """A whole number from ``low`` to ``high``; ``zero`` is what a person reads for 0.

    ``counts`` False is one that names something, such as a port: it is written without marks for thousands.
    """

    low: int
    high: int
    zero: str = ""
    counts: bool = True

    @property
    def accepts(self) -> str:
        zero = f" (0: {self.zero})" if self.zero else ""
        low, high = (human_count(end) if self.counts else str(end) for end in (self.low, self.high))
        return tr("a whole number from {low} to {high}{zero}", low=low, high=high, zero=zero)

    def checked(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError(value)
        return value

    def parsed(self, text: str) -> int:
        return self.checked(whole(text))


@dataclass(frozen=True, eq=False, repr=False)
class ByteSize(Kind[int]):
    """An amount of memory in bytes, up to ``high``."""

    high: int

    @property
    def accepts(self) -> str:
        return tr("bytes, or a size such as 1.5 GB, up to {high}", high=human_bytes(self.high))

    def checked(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= self.high:
            raise ValueError(value)
        return value

    def parsed(self, text: str) -> int:
        return self.checked(byte_count(text))


@dataclass(frozen=True, eq=False, repr=False)
class Folder(Kind[str]):
    """A folder, absolute; "" is what ``empty`` says."""

    empty: str

    @property
    def accepts(self) -> str:
        return tr("the path of a folder, or nothing: {empty}", empty=self.empty)

    def checked(self, value: object) -> str:
        if not isinstance(value, str) or (value and not Path(value).is_absolute()):
            raise ValueError(value)
        return value

    def parsed(self, text: str) -> str:
        return _folder(text) if text.strip() else ""


@dataclass(frozen=True, eq=False, repr=False)
class Folders(Kind[tuple[str, ...]]):
    """Any number of folders. Typed, they stand in one line, separated as in the variable PATH."""

    separator: str = ";"

    @property
    def accepts(self) -> str:
        return tr("paths of folders, separated by '{separator}'", separator=self.separator)

    def checked(self, value: object) -> tuple[str, ...]:
        found = msgspec.convert(value, tuple[str, ...])
        if not all(found):
            raise ValueError(value)
        return found

    def parsed(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_folder(part) for part in text.split(self.separator) if part.strip()))

    def written(self, value: tuple[str, ...]) -> str:
        return self.separator.join(value)


@dataclass(frozen=True, eq=False, repr=False)
class Address(Kind[str]):
    """The address of a server with one of these ``schemes``; "" is what ``empty`` says. ``path``: it may have one."""

    schemes: tuple[str, ...]
    empty: str
    path: bool = True

    @property
    def accepts(self) -> str:
        example = f"{self.schemes[0]}://HOST" + ("" if self.path else ":PORT")
        return tr(
            "an address such as {example} ({schemes}), or nothing: {empty}",
            example=example,
            schemes=", ".join(self.schemes),
            empty=self.empty,
        )

    def checked(self, value: object) -> str:
        if not isinstance(value, str) or (value and not self._is_address(value)):
            raise ValueError(value)
        return value

    def parsed(self, text: str) -> str:
        return self.checked(text.strip().rstrip("/"))

    def _is_address(self, text: str) -> bool:
        parts = urlsplit(text)  # raises ValueError too
        named = parts.scheme in self.schemes and bool(parts.hostname) and not re.search(r"\s", text)
        whole_host = self.path or (parts.path in ("", "/") and parts.port is not None)
        return named and whole_host and not parts.query and not parts.fragment


@dataclass(frozen=True, eq=False, repr=False)
class Record(Kind[T]):
    """What the program remembers for itself: any value of a type that msgspec knows. Nobody types it."""

    type: Any

    @property
    def accepts(self) -> str:
        return tr("what Heft remembers itself")

    def checked(self, value: object) -> T:
        found: T = msgspec.convert(msgspec.to_builtins(value), self.type)
        return found

    def parsed(self, text: str) -> T:
        raise ValueError(text)


def without_password(address: str) -> str:
    """An address as it may be shown: the password that stands in it left out."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    return address.replace(f":{parts.password}@", ":…@", 1)


def password_removed(address: str) -> str:
    """An address that is kept where a password must not be; it works as far as it does without."""
    password = urlsplit(address).password
    return address.replace(f":{password}@", "@", 1) if password else address


def _folder(text: str) -> str:
    if "\0" in text:
        raise ValueError(text)
    try:
        return str(Path(text.strip()).expanduser().absolute())
    except RuntimeError as error:  # a home folder nobody has
        raise ValueError(text) from error
