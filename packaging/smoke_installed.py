"""Installing an artefact for a trial as its user would, with its file association, and removing it without a trace."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from check_libraries import dependencies, unpack
from library_search import Tree
from smoke_desk import Desk
from smoke_screen import SmokeError

# What every desktop brings for programs to be started from its menu and by their files
DESKTOP = "libglib2.0-bin, shared-mime-info, desktop-file-utils"
# What an AppImage needs besides (README, Install) unless it is told to unpack itself
FUSE_NEEDS = "libfuse2 | libfuse2t64, fuse | fuse3"
# A Vulkan device in software, for a computer without a card; it brings the system's Vulkan loader
LAVAPIPE = "mesa-vulkan-drivers"
UNPACKING = "--appimage-extract-and-run"


@dataclass(frozen=True)
class Installed:
    """How to start it in a terminal and from the desktop's menu, and how to remove it."""

    command: Sequence[str]
    menu: Sequence[str]
    remove: Callable[[], object]


def declared(package: Path, field: str) -> str:
    """A field of a Debian package: "Depends" or "Recommends"."""
    words = ["dpkg-deb", "--field", str(package), field]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@cache
def libraries_of(image: Path) -> str:
    """What an AppImage, which declares nothing, takes from the system: that is what the Debian package declares."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(image, Path(folder))
        return dependencies(Tree(Path(folder)))


def needs(artefact: Path, *, recommended: bool, fuse: bool, desktop: bool, vulkan: bool = False) -> str:
    """The dependencies that a root for it has to meet, in the words of a Debian package."""
    if artefact.suffix == ".deb":
        found = [declared(artefact, "Depends"), declared(artefact, "Recommends") if recommended else ""]
    else:
        found = [libraries_of(artefact), FUSE_NEEDS if fuse else ""]
    return ", ".join(filter(None, [*found, DESKTOP if desktop else "", LAVAPIPE if vulkan else ""]))


def install(artefact: Path, desk: Desk, *, recommended: bool, fuse: bool, desktop: bool) -> Installed:
    """SmokeError when it does not install."""
    if artefact.suffix == ".deb":
        return _package(artefact, desk, recommended=recommended, desktop=desktop)
    return _appimage(artefact, desk, fuse=fuse, desktop=desktop)


def _package(artefact: Path, desk: Desk, *, recommended: bool, desktop: bool) -> Installed:
    """With apt-get, which has no network: what is declared must be all it needs."""
    desk.box.path("/tmp/heft.deb").write_bytes(artefact.read_bytes())
    options = [] if recommended else ["--no-install-recommends"]
    desk.as_root("apt-get", "install", "--yes", *options, "/tmp/heft.deb")
    desk.box.path("/tmp/heft.deb").unlink()
    verified = desk.as_root("dpkg", "--verify", "heft")
    if verified:
        raise SmokeError(f"other files were installed than the package says: {verified.splitlines()[:5]}")
    menu = ["gio", "launch", "/usr/share/applications/heft.desktop"] if desktop else ["heft"]
    return Installed(["heft"], menu, lambda: desk.as_root("apt-get", "purge", "--yes", "heft"))


def _appimage(artefact: Path, desk: Desk, *, fuse: bool, desktop: bool) -> Installed:
    """In a folder of programs, with the desktop file it carries, as AppImage launchers integrate it."""
    program = desk.give(artefact, "Applications/Heft.AppImage", 0o755)
    command = [program] if fuse else [program, UNPACKING]
    if fuse:
        desk.as_root("mknod", "-m", "666", "/dev/fuse", "c", "10", "229")
    if not desktop:
        return Installed(command, command, desk.home.joinpath("Applications/Heft.AppImage").unlink)
    desk.run([program, "--appimage-extract", "usr/share/*"])
    share = f"{desk.user.home}/.local/share"
    desktop_file = desk.home / "squashfs-root/usr/share/applications/heft.desktop"
    desktop_file.write_text(re.sub(r"(?m)^Exec=heft\b", f"Exec={' '.join(command)}", desktop_file.read_text()))
    own = [f"{share}/{folder.name}" for folder in (desk.home / "squashfs-root/usr/share").iterdir()]
    desk.run(["mkdir", "-p", share])
    desk.run(["mv", *(f"squashfs-root/usr/share/{Path(folder).name}" for folder in own), share])
    desk.run(["rm", "-r", "squashfs-root"])
    desk.run(["sh", "-c", f"update-mime-database {share}/mime 2>&1; update-desktop-database {share}/applications"])
    menu = ["gio", "launch", f"{share}/applications/heft.desktop"]
    return Installed(command, menu, lambda: desk.run(["rm", "-r", program, *own]))
