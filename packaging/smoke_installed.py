"""Installing an artefact for a trial, with its file association, and removing it without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smoke_screen import Desk, SmokeError


@dataclass(frozen=True)
class Installed:
    """How to start it, the files that have to be gone after ``remove()``."""

    command: Sequence[str]
    files: Sequence[Path]
    remove: Callable[[], object]


def install(artefact: Path, desk: Desk) -> Installed:
    """SmokeError when it does not install."""
    if artefact.suffix == ".deb":
        return _dpkg(artefact) if os.geteuid() == 0 else _unpacked(artefact, desk)
    if artefact.suffix == ".AppImage":
        return _appimage(artefact, desk)
    raise SmokeError(f"{artefact.name} is neither a .deb nor an .AppImage")


def _dpkg(artefact: Path) -> Installed:
    """With dpkg, as a user would; SmokeError when a Heft is installed already."""
    if subprocess.run(["dpkg-query", "--show", "heft"], capture_output=True, check=False).returncode == 0:
        raise SmokeError("a package named heft is known to dpkg already; remove it first (dpkg --purge heft)")
    try:
        outcome = subprocess.run(["dpkg", "--install", artefact], capture_output=True, text=True, check=False)
        if outcome.returncode != 0:
            raise SmokeError(f"dpkg: {outcome.stderr.strip()}")
        verified = subprocess.run(["dpkg", "--verify", "heft"], capture_output=True, text=True, check=False).stdout
        if verified:
            raise SmokeError(f"other files were installed than the package says: {verified.splitlines()[:5]}")
    except BaseException:
        subprocess.run(["dpkg", "--purge", "heft"], capture_output=True, check=False)
        raise
    listed = subprocess.run(["dpkg", "--listfiles", "heft"], check=True, capture_output=True, text=True).stdout
    own = [Path(line) for line in listed.splitlines() if "heft" in line or "x-gguf" in line]

    def remove() -> None:
        subprocess.run(["dpkg", "--purge", "heft"], check=True, capture_output=True)

    return Installed(("heft",), own, remove)


def _unpacked(artefact: Path, desk: Desk) -> Installed:
    """The package's files beside the system, with the caches that dpkg's triggers would have made."""
    prefix = desk.folder / "unpacked"
    subprocess.run(["dpkg", "--extract", artefact, prefix], check=True)
    return _beside(prefix, desk)


def _beside(prefix: Path, desk: Desk) -> Installed:
    share = prefix / "usr" / "share"
    subprocess.run(["update-mime-database", share / "mime"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["update-desktop-database", share / "applications"], check=True)
    desk.path.insert(1, prefix / "usr" / "bin")
    desk.data_folders.insert(0, share)
    return Installed((str(prefix / "usr" / "bin" / "heft"),), [prefix], lambda: shutil.rmtree(prefix))


def _appimage(artefact: Path, desk: Desk) -> Installed:
    """In the user's folder of programs, with the desktop file it carries, as AppImage launchers integrate it."""
    prefix = desk.folder / "integrated"
    (prefix / "usr" / "bin").mkdir(parents=True)
    program = prefix / "usr" / "bin" / "heft"
    shutil.copy2(artefact, program)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        desk.variables["APPIMAGE_EXTRACT_AND_RUN"] = "1"  # no FUSE here
    unpacked = desk.folder / "squashfs-root"
    subprocess.run(
        [program, "--appimage-extract", "usr/share/*"], cwd=desk.folder, check=True, stdout=subprocess.DEVNULL
    )
    shutil.copytree(unpacked / "usr" / "share", prefix / "usr" / "share")
    shutil.rmtree(unpacked)
    return _beside(prefix, desk)
