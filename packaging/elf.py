"""What a program or library of Linux asks of others, read from the file itself (System V ABI, gABI 4.2, chapter 5).

Only what the dynamic loader reads: the dynamic section and the tables of symbol versions. 64 bit, little-endian: the
two kinds of computer that Heft is packaged for. Uses the standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bit, little-endian
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3  # p_type
_NULL, _NEEDED, _STRINGS, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 14, 15, 29  # d_tag
_VERDEF, _VERDEF_COUNT, _VERNEED, _VERNEED_COUNT = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_WEAK = 2  # VER_FLG_WEAK: the loader goes on without it


@dataclass(frozen=True)
class Elf:
    """One file. ``rpath`` and ``runpath`` are its search path, of which the loader takes the first only without the
    second; ``versions`` the symbol versions it asks of each library, ``defines`` those that it has itself."""

    path: Path
    soname: str = ""
    interpreter: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    versions: dict[str, frozenset[str]] = field(default_factory=dict)
    defines: frozenset[str] = frozenset()

    @property
    def is_program(self) -> bool:
        """Whether it is made to be started; some libraries can be, to print their version."""
        return bool(self.interpreter) and not self.soname

    @property
    def is_bare_program(self) -> bool:
        """Whether it is a program that takes its libraries from the system alone, as PyInstaller's starter does."""
        return self.is_program and not self.search_path

    @property
    def search_path(self) -> tuple[str, ...]:
        """The folders where the loader looks for what this file needs, as they are written in it."""
        return self.runpath or self.rpath


def is_elf(path: Path) -> bool:
    """Whether a file is a program or library of Linux."""
    with path.open("rb") as file:
        return file.read(4) == _MAGIC[:4]


def read_elf(path: Path) -> Elf:
    """What the loader would read in ``path``. ValueError when it is none of this kind, or is damaged."""
    data = path.read_bytes()
    if data[:6] != _MAGIC:
        raise ValueError(f"{path} is not a 64-bit little-endian ELF file")
    try:
        return _Reader(data).read(path)
    except (struct.error, IndexError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def elf_size(data: bytes) -> int:
    """Bytes of the program that ``data`` begins with: its section table is the last of it."""
    if data[:6] != _MAGIC:
        raise ValueError("This does not begin with a 64-bit little-endian ELF program.")
    (table,) = struct.unpack_from("<Q", data, 0x28)
    entry, count = struct.unpack_from("<HH", data, 0x3A)
    return int(table + entry * count)


class _Reader:
    """The tables of one file in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        (table,) = struct.unpack_from("<Q", data, 0x20)
        size, count = struct.unpack_from("<HH", data, 0x36)
        self._segments = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
        self._strings = 0

    def read(self, path: Path) -> Elf:
        entries = list(self._dynamic())
        single = dict(entries)
        if _STRINGS in single:
            self._strings = self._offset(single[_STRINGS])
        return Elf(
            path=path,
            soname=self._string(single[_SONAME]) if _SONAME in single else "",
            interpreter=self._interpreter(),
            needed=tuple(self._string(value) for tag, value in entries if tag == _NEEDED),
            rpath=self._folders(single.get(_RPATH)),
            runpath=self._folders(single.get(_RUNPATH)),
            versions=dict(self._needed_versions(single)),
            defines=frozenset(self._defined_versions(single)),
        )

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        for kind, _, offset, _, _, size in self._segments:
            if kind == _DYNAMIC:
                for tag, value in struct.iter_unpack("<QQ", self._data[offset : offset + size]):
                    if tag == _NULL:
                        return
                    yield tag, value

    def _interpreter(self) -> str:
        for kind, _, offset, _, _, size in self._segments:
            if kind == _INTERPRETER:
                return self._data[offset : offset + size].rstrip(b"\0").decode()
        return ""

    def _offset(self, address: int) -> int:
        """Where in the file lies what the loader finds at ``address``."""
        for kind, _, offset, start, _, size in self._segments:
            if kind == _LOAD and start <= address < start + size:
                return int(offset + address - start)
        raise IndexError(f"address {address:#x} lies in no segment")

    def _string(self, index: int) -> str:
        start = self._strings + index
        return self._data[start : self._data.index(b"\0", start)].decode()

    def _folders(self, index: int | None) -> tuple[str, ...]:
        return tuple(part for part in self._string(index).split(":") if part) if index is not None else ()

    def _needed_versions(self, single: dict[int, int]) -> Iterator[tuple[str, frozenset[str]]]:
        """Elfxx_Verneed and its Elfxx_Vernaux (gABI's GNU extension, LSB 5.0 core, 10.7)."""
        at = self._offset(single[_VERNEED]) if _VERNEED in single else 0
        for _ in range(single.get(_VERNEED_COUNT, 0)):
            _, count, file, first, following = struct.unpack_from("<HHIII", self._data, at)
            names, entry = set(), at + first
            for _ in range(count):
                _, flags, _, name, step = struct.unpack_from("<IHHII", self._data, entry)
                if not flags & _WEAK:
                    names.add(self._string(name))
                entry += step
            yield self._string(file), frozenset(names)
            at += following

    def _defined_versions(self, single: dict[int, int]) -> Iterator[str]:
        """Elfxx_Verdef: the first name of each; the others are those that it follows."""
        at = self._offset(single[_VERDEF]) if _VERDEF in single else 0
        for _ in range(single.get(_VERDEF_COUNT, 0)):
            _, _, _, _, _, first, following = struct.unpack_from("<HHHHIII", self._data, at)
            yield self._string(struct.unpack_from("<I", self._data, at + first)[0])
            at += following
