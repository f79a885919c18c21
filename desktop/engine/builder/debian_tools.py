"""Tools out of Debian's or Ubuntu's archive, unpacked into a folder: nothing is installed, and root is not needed.

The archive is the system's own, by its own configuration of apt; where a release is too old its tools come from the
next one (``NEWER``), checked by the same keyring. A program of a newer release wants a newer C library than there is,
so each is started through the loader that came with it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop.engine.builder.compiling import Commands

NEWER = {"bookworm": "trixie", "jammy": "noble"}  # whose glslc and Vulkan headers are new enough for llama.cpp
_COMPONENTS = {"debian": "main", "ubuntu": "main universe"}
_KEYRING = "/usr/share/keyrings/{}-archive-keyring.gpg"
_DEPENDS = re.compile(r"^\s*\|?(?:Pre)?Depends: (lib[\w.+-]+)", re.M)  # programs run through their own loader


@dataclass(frozen=True)
class Archive:
    """Where the packages of one release are: ``system`` as /etc/os-release has it, ``suite`` its code name."""

    system: str
    suite: str
    address: str

    @property
    def newer(self) -> Archive:
        """The release whose tools are used, the same one where it is new enough."""
        return Archive(self.system, NEWER.get(self.suite, self.suite), self.address)

    @property
    def source(self) -> str:
        """A line of sources.list."""
        keyring = _KEYRING.format(self.system)
        signed = f"[signed-by={keyring}] " if Path(keyring).exists() else ""
        return f"deb {signed}{self.address} {self.suite} {_COMPONENTS[self.system]}\n"


def own_archive() -> Archive | None:
    """The one that this computer's apt asks; None where there is no apt, or another system's."""
    system, suite = own_release()
    if not system:
        return None
    words = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    address = next((line.split()[2] for line in found if line.startswith(f"{suite} main ")), "")
    return Archive(system, suite, address) if address else None


def own_release() -> tuple[str, str]:
    """ID and code name of a system whose archive is known; both empty for another."""
    said = _os_release()
    system, suite = said.get("ID", ""), said.get("VERSION_CODENAME", "")
    return (system, suite) if system in _COMPONENTS and shutil.which("apt-get") else ("", "")


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip("\"'") for name, _, value in pairs}


class Packages:
    """Packages of ``archive`` below ``folder``, which is for this alone. All methods raise BuildError, OSError."""

    def __init__(self, archive: Archive, folder: Path, commands: Commands, log: Path) -> None:
        self.root = folder / "root"
        self._commands, self._log = commands, log
        self._debs = folder / "debs"
        for made in (self.root, self._debs, folder / "lists" / "partial", folder / "cache" / "archives" / "partial"):
            made.mkdir(parents=True)
        (folder / "sources.list").write_text(archive.source, encoding="utf-8")
        options = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": os.devnull,
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",  # the folder is this user's alone
            "Debug::NoLocking": "true",
        }
        self._options = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self._run("apt-get", "-q", "update")

    def unpack(self, *names: str) -> dict[str, str]:
        """Fetch and unpack these packages and the libraries that they need; the version of each that was named."""
        wanted = self._with_libraries(names)
        self._run("apt-get", "-q", "download", *sorted(wanted))
        versions: dict[str, str] = {}
        for deb in sorted(self._debs.glob("*.deb")):
            self._commands.run(["dpkg-deb", "--extract", str(deb), str(self.root)], _environment(), self._log, _LABEL)
            name, version = deb.name.split("_")[:2]
            if name in names:
                versions[name] = version.replace("%3a", ":")
            deb.unlink()
        return versions

    def file(self, pattern: str) -> Path:
        """The first file that matches, below the root. FileNotFoundError when there is none."""
        found = next(iter(sorted(self.root.glob(pattern))), None)
        if found is None:
            raise FileNotFoundError(f"the packages have no {pattern}")
        return found

    def program(self, name: str) -> Path:
        """A command that starts the program ``name`` with the loader and the libraries that came with it."""
        program = self.file(f"usr/bin/{name}")
        loader = self.file("**/ld-linux-*.so.*")
        folders = {str(file.parent) for file in self.root.glob("**/lib*.so.*")}
        command = self.root.parent / name
        words = f"'{loader}' --library-path '{':'.join(sorted(folders))}' '{program}'"
        command.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        return command

    def _with_libraries(self, names: Iterable[str]) -> set[str]:
        known: set[str] = set()
        waiting = set(names)
        while waiting:
            known |= waiting
            words = ["apt-cache", *self._options, "depends", *sorted(waiting)]
            told = subprocess.run(words, capture_output=True, text=True, check=False, env=_environment()).stdout
            waiting = set(_DEPENDS.findall(told)) - known
        return known

    def _run(self, program: str, *words: str) -> None:
        command = [program, *self._options, *words]
        self._commands.run(command, _environment(), self._log, _LABEL, folder=self._debs)


_LABEL = "Fetching the tools for Vulkan"


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
