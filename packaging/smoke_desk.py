"""A person at a desk: a home in a box, a screen, and all the output of what was started there."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from smoke_box import PATH, ROOT_PATH, SUPERUSER, Box, User
from smoke_screen import WINDOW_WAIT_SECONDS, Screen, SmokeError, poll

COMMAND_SECONDS = 180.0
DATABASE = "chats.sqlite3"
ANSWERS = "SELECT state, content FROM messages WHERE role = 'assistant' ORDER BY rowid"
# Stands where a desktop has it, and writes down what it was given
OTHER_PROGRAM = '#!/bin/sh\nenv > "{home}/opened.part"\nmv "{home}/opened.part" "{home}/opened"\n'
# What may be printed: the mark that was asked for, and what Qt says in an empty environment, where no language is set
_MARK = "heft-ready "
_EXPECTED = (
    _MARK,
    'Detected locale "C" with character encoding "ANSI_X3.4-1968", which is not UTF-8.',
    'Qt depends on a UTF-8 locale, and has switched to "C.UTF-8" instead.',
    "If this causes problems, reconfigure your locale. See the locale(1) manual",
    "for more information.",
)
# Files of the root itself that installing, and mounting by FUSE, may change for good
_KEPT = ("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/", "/var/log/", "/etc/ld.so.cache", "/run/mount")


class Desk:
    """Of one user in one box. ``login``: with the variables that a login sets, else with none but HOME and PATH."""

    def __init__(self, box: Box, screen: Screen, user: User, folder: Path, *, login: bool) -> None:
        self.box = box
        self.screen = screen
        self.user = user
        self.output = folder / "output"
        self.variables: dict[str, str] = {}
        self.programs = [f"{user.home}/.local/bin", *(PATH if user.number else ROOT_PATH).split(":")]
        if user.number:
            self.as_root("useradd", "--create-home", "--shell", "/bin/bash", "--uid", str(user.number), user.name)
        if login:
            runtime = f"/run/user/{user.number}"
            self.as_root("install", "-d", "-m", "700", "-o", str(user.number), "-g", str(user.number), runtime)
            self.variables = {"USER": user.name, "LOGNAME": user.name, "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": runtime}
        self.given: list[str] = []  # what was put into the home folder and may stay there, by its name in it
        self._before = self._files()

    @property
    def home(self) -> Path:
        """Where the home folder lies for us."""
        return self.box.path(self.user.home)

    @property
    def environment(self) -> dict[str, str]:
        """All that a program sees: nothing comes from whoever runs this."""
        return {
            "PATH": ":".join(self.programs),
            "DISPLAY": self.screen.display,
            "HEFT_STARTUP_MARK": "1",
            **self.variables,
        }

    # -- files -----------------------------------------------------------------------------------

    def give(self, file: Path, name: str, mode: int = 0o644) -> str:
        """Put a copy of a file into the home folder, as the user's; its path in the box."""
        target = self.home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as source, target.open("wb") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)
        target.chmod(mode)
        self.own(name)
        return f"{self.user.home}/{name}"

    def write(self, name: str, text: str, mode: int = 0o644) -> str:
        """The same with a text."""
        target = self.home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        self.own(name)
        return f"{self.user.home}/{name}"

    def own(self, name: str) -> None:
        """Hand what was put into the home folder to the user, with the folders above it; it may stay there."""
        self.given.append(name)
        top = self.home / Path(name).parts[0]
        for path in (top, *top.rglob("*")):
            os.chown(path, self.user.number, self.user.number, follow_symlinks=False)

    def new_files(self) -> list[str]:
        """What lies in the root, outside of /proc, /sys and /dev, and did not when the user had come."""
        return sorted(self._files() - self._before)

    def _files(self) -> set[str]:
        words = ["find", "/", "/tmp", "/run", "-xdev", "-print0"]
        listed = subprocess.run(self.box.command(words), capture_output=True, check=False)
        if listed.returncode != 0:  # what a user's FUSE mounts is hidden from root: it is still mounted
            raise SmokeError(f"not all of the root can be read: {listed.stderr.decode(errors='replace').strip()}")
        names = [name.decode(errors="replace") for name in listed.stdout.split(b"\0")]
        return {name for name in names if name and not name.startswith((*_KEPT, "/tmp/.X11-unix"))}

    # -- programs --------------------------------------------------------------------------------

    def as_root(self, *words: str) -> str:
        """Output of a command of the root's administrator; SmokeError when it fails."""
        return self._told(self.box.command(words, SUPERUSER), quiet=False)

    def run(self, command: Sequence[str], cwd: str = "", **variables: str) -> str:
        """Output of a command that has to succeed and to be silent on stderr."""
        environment = self.environment | variables
        words = self.box.command(command, self.user, cwd=cwd or self.user.home, environment=environment)
        return self._told(words, quiet=True)

    def _told(self, words: Sequence[str], *, quiet: bool) -> str:
        inside = " ".join(words[words.index("-i") + 1 :])
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            raise SmokeError(f"{inside}: not within {COMMAND_SECONDS:.0f} s") from late
        if done.returncode != 0 or (quiet and done.stderr.strip()):
            told = f"{done.stderr.strip()[-2000:]} {done.stdout.strip()[-500:]}"
            raise SmokeError(f"{inside} ended with {done.returncode}: {told}")
        return done.stdout

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program and let it run; its output is kept."""
        words = self.box.command(command, self.user, cwd=self.user.home, environment=self.environment)
        with self.output.open("ab") as sink:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)

    def wait_for_window(self) -> None:
        """Until a program said that its window is there."""
        poll(lambda: _MARK in self._printed(), WINDOW_WAIT_SECONDS, f"the words {_MARK!r}")

    def check_output(self) -> None:
        """SmokeError for any line that is not expected; what was printed is forgotten."""
        strange = self.strange_output()
        self.output.unlink(missing_ok=True)
        if strange:
            raise SmokeError(f"unexpected output: {strange[:5]}")

    def strange_output(self) -> list[str]:
        """Lines that are not expected, of all that was printed by programs that were started."""
        return [line for line in self._printed().splitlines() if line.strip() and not line.startswith(_EXPECTED)]

    def _printed(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def windows(self) -> list[int]:
        """Heft's window processes: those that are no part of another's work."""
        found = []
        for number in self.box.processes():
            with contextlib.suppress(OSError):
                place = Path(f"/proc/{number}")
                program, words = place.joinpath("exe").readlink(), place.joinpath("cmdline").read_bytes()
                if program.parts[-2:] == ("heft", "heft") and b"--heft-module" not in words:
                    found.append(number)
        return sorted(found)

    def engines(self) -> list[Path]:
        """The program of each running engine, as the box sees it."""
        found = []
        for number in self.box.processes():
            with contextlib.suppress(OSError):
                program = Path(f"/proc/{number}/exe").readlink()
                found += [program] if program.name == "llama-server" else []
        return found

    def resident_bytes(self) -> int:
        """Of the window's process."""
        pages = int(Path(f"/proc/{self.windows()[0]}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # -- traces ----------------------------------------------------------------------------------

    def last_model(self) -> str:
        """The model that was loaded last, by Heft's settings."""
        with contextlib.suppress(OSError, ValueError):
            settings = json.loads((self.home / ".local/share/heft/settings.json").read_text())
            return str(settings.get("last_model", ""))
        return ""

    def answers(self, *states: str) -> list[str]:
        """Texts of the answers in the chats database that are in one of these states, oldest first."""
        with tempfile.TemporaryDirectory() as folder:
            copies = Path(folder)
            # SQLite follows the link out of the box that the home folder's path is, so it gets copies
            for file in (self.home / ".local/share/heft").glob(f"{DATABASE}*"):
                if not file.name.endswith("-shm"):
                    (copies / file.name).write_bytes(file.read_bytes())
            rows: list[tuple[str, str]] = []
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(copies / DATABASE)) as chats:
                rows = list(chats.execute(ANSWERS))
        return [text for state, text in rows if state in states]

    def watch_other_programs(self) -> None:
        """Put a program that writes down its environment where a desktop has the one that opens things."""
        self.write(".local/bin/xdg-open", OTHER_PROGRAM.format(home=self.user.home), 0o755)
        self.given.append("opened")

    def other_program(self) -> str:
        """The environment in which Heft started another program; empty before."""
        opened = self.home / "opened"
        return opened.read_text() if opened.exists() else ""
