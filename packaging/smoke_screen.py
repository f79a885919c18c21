"""A desk for a program to be tried at: home, screen, keyboard, and all the output of what ran there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from smoke_picture import pixels, png

T = TypeVar("T")
MARK = "HEFT_SMOKE"  # in the environment of all that is started here, so that it can be found again
COMMAND_SECONDS = 180.0
WINDOW_WAIT_SECONDS = 60.0
STILL_SECONDS, SETTLE_SECONDS = 1.0, 15.0  # a picture is taken when nothing moved for so long, or after so long
# Stands where desktops have it, and writes down what it was given
OTHER_PROGRAM = '#!/bin/sh\nenv > "{folder}/opened.part"\nmv "{folder}/opened.part" "{folder}/opened"\n'


class SmokeError(Exception):
    """Something was not as a user needs it; the message says what."""


def poll(check: Callable[[], T], seconds: float, what: str) -> T:
    """The first true answer of ``check``; SmokeError when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise SmokeError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


class Desk:
    """Everything below one folder; a context manager that owns the screen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.output = folder / "output"
        self.given: list[Path] = []  # what was put into the home folder and may stay there
        self.variables: dict[str, str] = {}
        self.data_folders: list[Path] = []  # of desktop files and MIME types, before the system's
        tools = folder / "tools"
        for place in (self.home, tools, folder / "runtime"):
            place.mkdir(mode=0o700)
        other = tools / "xdg-open"
        other.write_text(OTHER_PROGRAM.format(folder=folder))
        other.chmod(0o755)
        self.path = [tools, Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin")]
        self._screen: subprocess.Popen[bytes] | None = None
        self._display = ""

    def __enter__(self) -> Desk:
        reading, writing = os.pipe()
        options = ["-screen", "0", "1280x800x24", "-nolisten", "tcp", "-fbdir", str(self.folder)]
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), *options], pass_fds=[writing], stderr=subprocess.DEVNULL
        )
        os.close(writing)
        with os.fdopen(reading) as answer:
            self._display = f":{answer.readline().strip()}"
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end_all()
        if self._screen is not None:
            self._screen.terminate()
            self._screen.wait()

    @property
    def environment(self) -> dict[str, str]:
        """All that a program sees: nothing comes from whoever runs this."""
        system = [Path("/usr/local/share"), Path("/usr/share")]
        return {
            "HOME": str(self.home),
            "USER": "smoke",
            "PATH": ":".join(map(str, self.path)),
            "LANG": "C.UTF-8",
            "DISPLAY": self._display,
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
            "XDG_DATA_DIRS": ":".join(map(str, [*self.data_folders, *system])),
            "XDG_CURRENT_DESKTOP": "none",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "HEFT_STARTUP_MARK": "1",
            MARK: str(self.folder),
            **self.variables,
        }

    # -- programs --------------------------------------------------------------------------------

    def run(self, command: Sequence[str], cwd: Path | None = None) -> str:
        """Output of a command that has to succeed and to be silent on stderr."""
        done = subprocess.run(
            command, env=self.environment, cwd=cwd or self.home, capture_output=True, text=True,
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0 or done.stderr.strip():
            told = f"{done.stderr.strip()[-2000:]} {done.stdout.strip()[-500:]}"
            raise SmokeError(f"{' '.join(command)} ended with {done.returncode}: {told}")
        return done.stdout

    def open(self, file: Path) -> None:
        """As a double-click in a file manager."""
        with self.output.open("ab") as sink:
            subprocess.Popen(
                ["gio", "open", str(file)], env=self.environment, cwd=self.home, stdout=sink, stderr=sink
            ).wait(COMMAND_SECONDS)

    def wait_for_output(self, words: str) -> None:
        """Until a program said it."""

        def said() -> bool:
            self.check_output()
            return words in self.output.read_text()

        poll(said, WINDOW_WAIT_SECONDS, f"the words {words!r}")

    def check_output(self) -> None:
        """SmokeError for any line that is not expected."""
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        strange = [line for line in lines if line.strip() and not line.startswith("heft-ready ")]
        if strange:
            raise SmokeError(f"unexpected output: {strange[:5]}")

    def processes(self) -> list[int]:
        """All that was started here and still runs."""
        wanted = f"{MARK}={self.folder}".encode()
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                alive = b"State:\tZ" not in (place / "status").read_bytes()
                if alive and wanted in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
        return found

    def windows(self) -> list[int]:
        """Heft's window processes: those that are no part of another's work."""
        found = []
        for number in self.processes():
            with contextlib.suppress(OSError):
                place = Path(f"/proc/{number}")
                program, words = place.joinpath("exe").readlink(), place.joinpath("cmdline").read_bytes()
                if program.parts[-2:] == ("heft", "heft") and b"--heft-module" not in words:
                    found.append(number)
        return sorted(found)

    def resident_bytes(self) -> int:
        """Of the window's process."""
        pages = int(Path(f"/proc/{self.windows()[0]}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def end_all(self) -> None:
        """Kill what is left."""
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    # -- screen ----------------------------------------------------------------------------------

    def picture(self, target: Path) -> None:
        """Save the screen as a PNG file, once it stands still."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before, now = None, self._pixels()
        while before != now and time.monotonic() < deadline:
            time.sleep(STILL_SECONDS)
            before, now = now, self._pixels()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(*now))

    def _pixels(self) -> tuple[int, int, bytes]:
        return pixels(self.folder / "Xvfb_screen0")

    # -- keyboard --------------------------------------------------------------------------------

    def _xdotool(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env={**os.environ, "DISPLAY": self._display}, capture_output=True, text=True,
            timeout=60, check=False,
        ).stdout  # fmt: skip

    def _window(self) -> str:
        found = poll(
            lambda: self._xdotool("search", "--onlyvisible", "--name", "Heft$"), WINDOW_WAIT_SECONDS, "a window"
        )
        return found.splitlines()[0]

    def focus(self) -> None:
        """Give the keyboard to the window, as a window manager would."""
        self._xdotool("windowfocus", "--sync", self._window())

    def close_dialog(self, name: str) -> None:
        """Leave a dialog with the keyboard, and give that to the window again."""
        self.key("Escape")
        shown = ("search", "--onlyvisible", "--name", name)
        poll(lambda: not self._xdotool(*shown), WINDOW_WAIT_SECONDS, f"{name} is closed")
        self.focus()

    def type(self, text: str) -> None:
        """Type and press Return."""
        self._xdotool("type", "--delay", "20", text)
        self._xdotool("key", "Return")

    def key(self, name: str) -> None:
        """Press one combination of keys."""
        self._xdotool("key", name)

    def choose_from_settings_menu(self, from_below: int) -> None:
        """Open the menu at the foot of the rail and choose, counted from its last entry (1)."""
        window = self._window()
        size = dict(line.split("=") for line in self._xdotool("getwindowgeometry", "--shell", window).splitlines())
        self._xdotool("mousemove", "--window", window, "38", str(int(size["HEIGHT"]) - 34), "click", "1")
        time.sleep(1)
        for _ in range(from_below):
            self._xdotool("key", "Up")
        self._xdotool("key", "Return")

    # -- traces ----------------------------------------------------------------------------------

    def last_model(self) -> str:
        """The model that was loaded last, by Heft's settings."""
        with contextlib.suppress(OSError, ValueError):
            settings = json.loads((self.home / ".local/share/heft/settings.json").read_text())
            return str(settings.get("last_model", ""))
        return ""

    def answers(self, *states: str) -> list[str]:
        """Texts of the answers in the chats database that are in one of these states and not empty."""
        database = self.home / ".local/share/heft/chats.sqlite3"
        if not database.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as chats:
            rows = list(chats.execute("SELECT state, content FROM messages WHERE role = 'assistant'"))
        return [text for state, text in rows if state in states and text.strip()]

    def other_program(self) -> str:
        """The environment in which Heft started another program; empty before."""
        opened = self.folder / "opened"
        return opened.read_text() if opened.exists() else ""

    def left_files(self) -> list[Path]:
        """Everything in home and runtime folder."""
        return [*self.home.rglob("*"), *(self.folder / "runtime").rglob("*")]
