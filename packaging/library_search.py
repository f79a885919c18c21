"""Where the dynamic loader looks, in a folder of programs and libraries that is installed as a whole (man 8 ld.so).

Counted is only what a file's own search path says. Not LD_LIBRARY_PATH, which is the user's. Not what the search path
of whoever loads a library would add for it: any library may be the first that a process loads. A link to a library
counts as one more library: loaded through it, $ORIGIN is the link's folder (glibc, elf/dl-load.c), not the file's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from elf import Elf, is_elf, read_elf


class Tree:
    """The programs and libraries below ``root``, and the links to libraries."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        paths = sorted(path for path in self.root.rglob("*") if path.is_file() and is_elf(path))
        self._at = {path: read_elf(path) for path in paths if not path.is_symlink()}
        self.files = list(self._at.values())
        self._by_name = {path.name: elf for path, elf in self._at.items()}
        for link in paths:
            if link.is_symlink() and link.resolve() in self._at:
                self.add_link(link)

    @property
    def entries(self) -> list[Elf]:
        """Files and links."""
        return list(self._at.values())

    def add_link(self, link: Path) -> Elf | None:
        """Note that there is a link at ``link``; None when it is one to a program, which knows its own place."""
        elf = self._at[link.resolve()]
        if elf.is_program:
            return None
        self._by_name.setdefault(link.name, elf)
        return self._at.setdefault(link, replace(elf, path=link))

    def place(self, elf: Elf) -> str:
        """Where a file or link lies, for people."""
        return elf.path.relative_to(self.root).as_posix()

    def holding(self, name: str) -> Elf | None:
        """The file that goes by this name anywhere in the tree, found by the loader or not."""
        return self._by_name.get(name)

    def folders(self, elf: Elf) -> list[Path]:
        """The folders of ``elf``'s search path that lie in the tree."""
        expanded = (self.expand(elf, entry) for entry in elf.search_path)
        return [folder for folder in expanded if folder is not None]

    def expand(self, elf: Elf, entry: str) -> Path | None:
        """An entry of a search path as a folder; None when it lies outside the tree, or depends on where one stands."""
        plain = entry.replace("${ORIGIN}", "$ORIGIN")
        if not plain.startswith("$ORIGIN") or "$" in plain[1:]:
            return None
        folder = Path(os.path.normpath(f"{elf.path.parent}/{plain.removeprefix('$ORIGIN')}"))
        return folder if folder == self.root or self.root in folder.parents else None

    def find(self, elf: Elf, name: str) -> Elf | None:
        """What the loader takes from the tree for what ``elf`` calls ``name``; None when it finds none."""
        return next((self._at[folder / name] for folder in self.folders(elf) if folder / name in self._at), None)

    def is_reached_by_link(self, elf: Elf, name: str) -> bool:
        """Whether a file finds ``name`` in the tree where it is opened by a link to it. Whoever opens it chooses then:
        the file itself takes the system's ``name``, the link the one in the tree.
        """
        links = [link for path, link in self._at.items() if path != elf.path and path.resolve() == elf.path]
        return any(self.find(link, name) is not None for link in links)

    def from_the_system(self) -> Iterator[tuple[Elf, str]]:
        """Each entry with each name that it needs and does not find in the tree."""
        for elf in self._at.values():
            for name in elf.needed:
                if self.find(elf, name) is None:
                    yield elf, name
