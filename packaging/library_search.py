"""Where the dynamic loader looks, in a folder of programs and libraries that is installed as a whole (man 8 ld.so).

Counted is only what a file's own search path says. Not LD_LIBRARY_PATH, which is the user's. Not what the search path
of whoever loads a library would add for it: any library may be the first that a process loads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from elf import Elf, elf_files, read_elf


class Tree:
    """The programs and libraries below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._at = {path: read_elf(path) for path in elf_files(self.root)}
        self._by_name = {path.name: elf for path, elf in self._at.items()}
        for link in self.root.rglob("*"):
            if link.is_symlink() and link.resolve() in self._at:
                self._by_name.setdefault(link.name, self._at[link.resolve()])

    @property
    def files(self) -> list[Elf]:
        """All of them, by their places."""
        return list(self._at.values())

    def place(self, elf: Elf) -> str:
        """Where a file lies, for people."""
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
        """The file that the loader takes from the tree for what ``elf`` calls ``name``; None when it finds none."""
        found = ((folder / name).resolve() for folder in self.folders(elf) if (folder / name).is_file())
        return next((self._at[path] for path in found if path in self._at), None)

    def from_the_system(self) -> Iterator[tuple[Elf, str]]:
        """Each file with each name that it needs and does not find in the tree."""
        for elf in self.files:
            for name in elf.needed:
                if self.find(elf, name) is None:
                    yield elf, name
