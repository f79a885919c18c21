"""Fail when anything in a package would not find a library on the systems that Heft is promised for.

    python packaging/check_libraries.py FOLDER|PACKAGE.deb|PROGRAM.AppImage...

Read is every program and library of the folder, or of what the artefact installs. What each needs lies in the package
where that file itself looks for it, or is a library of the system's that the package declares (an AppImage declares
nothing: it needs what the Debian package of its folder would). Each symbol version asked for is there: in the bundled
library, or in the oldest of the promised systems (system_libraries.py). No search path leads out of the package.
Uses the standard library, dpkg-deb and unsquashfs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from elf import Elf, elf_size
from library_search import Tree
from system_libraries import (
    DATA,
    PACKAGES,
    SYSTEMS,
    Version,
    declared_packages,
    dependency,
    is_at_least,
    symbol_version,
)


def dependencies(tree: Tree) -> str:
    """Debian's words for all that the files of ``tree`` take from the system; unknown libraries are left out."""
    packages = {PACKAGES[name] for _, name in tree.from_the_system() if name in PACKAGES}
    packages |= {package for library, package in DATA.items() if tree.holding(library) is not None}
    newest: dict[str, Version] = {}
    for elf in tree.files:
        for library, names in elf.versions.items():
            if library in PACKAGES:
                for family, number in map(symbol_version, names):
                    newest[family] = max(number, newest.get(family, ()))
    return ", ".join(dependency(package, newest) for package in sorted(packages))


def complaints(tree: Tree, depends: str) -> list[str]:
    """What is wrong, a sentence each; ``depends`` is what the package declares."""
    declared = declared_packages(depends)
    found = [f"{tree.place(elf)} {words}" for elf in tree.entries for words in _of_file(tree, elf, declared)]
    for library, package in DATA.items():
        if tree.holding(library) is not None and package not in declared:
            found.append(f"{library} reads files of {package}, and the package does not depend on it.")
    for package, least in declared.items():
        for system in SYSTEMS:
            if package in system.versions and not is_at_least(system.versions[package], least):
                found.append(f"{system.name} has {package} {system.versions[package]}, declared is {least} or newer.")
    return sorted(found)


def _of_file(tree: Tree, elf: Elf, declared: dict[str, str]) -> Iterator[str]:
    for entry in elf.search_path:
        if tree.expand(elf, entry) is None:
            yield f"looks for libraries in {entry}, which is not in the package."
    for name in dict.fromkeys((*elf.needed, *elf.versions)):
        bundled, held = tree.find(elf, name), tree.holding(name)
        wanted = elf.versions.get(name, frozenset())
        if bundled is not None:
            for version in sorted(wanted - bundled.defines) if bundled.defines else ():
                yield f"needs {version} of {name}, which {tree.place(bundled)} does not have."
        elif held is not None and tree.is_reached_by_link(elf, name):
            continue  # by this path it is for systems that have one
        elif held is not None:
            why = "the system's is loaded before it" if elf.is_bare_program else "this file does not look there"
            yield f"needs {name}; it lies in {tree.place(held)}, and {why}."
        elif name not in PACKAGES:
            yield f"needs {name}, which is not in the package and of no system library that Heft counts on."
        elif PACKAGES[name] not in declared:
            yield f"needs {name}, and the package does not depend on {PACKAGES[name]}."
        else:
            yield from _of_symbols(name, wanted)


def _of_symbols(name: str, wanted: frozenset[str]) -> Iterator[str]:
    for version in sorted(wanted):
        family, number = symbol_version(version)
        for system in SYSTEMS:
            newest = system.newest.get(family, ())
            if not number or number > newest:
                yield f"needs {version} of {name}; {system.name} has {'.'.join(map(str, newest)) or 'no such'}."


def unpack(artefact: Path, folder: Path) -> None:
    """What ``artefact`` installs, below ``folder``; of an AppImage also the program that it begins with."""
    if artefact.suffix == ".deb":
        subprocess.run(["dpkg-deb", "--extract", artefact, folder], check=True)
        return
    with artefact.open("rb") as file:
        runtime = file.read(1 << 20)
    size = elf_size(runtime)
    (folder / "runtime").write_bytes(runtime[:size])
    image = str(folder / "image")
    command = ["unsquashfs", "-quiet", "-no-progress", "-offset", str(size), "-dest", image, str(artefact)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def check(place: Path) -> list[str]:
    """The complaints about one folder or artefact, after a line on it for people."""
    with tempfile.TemporaryDirectory() as temporary:
        root = place
        if place.is_file():
            root = Path(temporary)
            unpack(place, root)
        tree = Tree(root)
        depends = dependencies(tree)
        if place.suffix == ".deb":
            command = ["dpkg-deb", "--field", str(place), "Depends"]
            depends = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        found = complaints(tree, depends)
    print(f"{place.name}: {len(tree.files)} programs and libraries, from the system {depends or 'nothing'}")
    return found


def main() -> int:
    """A line for each place, then what is wrong with it; 1 when anything is."""
    failed = False
    for place in map(Path, sys.argv[1:]):
        found = check(place)
        failed |= bool(found)
        for sentence in found:
            print(f"  {sentence}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
