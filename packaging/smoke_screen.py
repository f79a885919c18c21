"""A screen and a keyboard, outside the root under trial: Xvfb, xdotool, pictures, and what can be read in them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from smoke_box import ENDS_WITH_US
from smoke_picture import pixels, png
from smoke_reading import place_of, read, stands_in, text_of

T = TypeVar("T")
WINDOW_WAIT_SECONDS = 120.0  # an AppImage that unpacks itself takes most of it on a busy computer
STILL_SECONDS, SETTLE_SECONDS = 0.4, 2.0  # a picture is taken when nothing moved for so long, or after so long


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


class Screen:
    """A context manager that owns the X server; any program that can reach ``socket`` may draw on it."""

    def __init__(self, folder: Path) -> None:
        self._pixels = folder / "Xvfb_screen0"
        reading, writing = os.pipe()
        options = ["-screen", "0", "1280x800x24", "-nolisten", "tcp", "-ac", "-fbdir", str(folder)]
        self._server = subprocess.Popen(
            [*ENDS_WITH_US, "Xvfb", "-displayfd", str(writing), *options], pass_fds=[writing], stderr=subprocess.DEVNULL
        )
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        if not number:
            raise SmokeError("Xvfb did not start")
        self.display = f":{number}"
        self.socket = Path(f"/tmp/.X11-unix/X{number}")

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.terminate()
        self._server.wait()

    # -- looking ---------------------------------------------------------------------------------

    def picture(self, target: Path) -> None:
        """Save the screen as a PNG file, once it stands still."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before, now = None, pixels(self._pixels)
        while before != now and time.monotonic() < deadline:
            time.sleep(STILL_SECONDS)
            before, now = now, pixels(self._pixels)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(*now))

    def text(self) -> str:
        """What can be read now."""
        return text_of(read(*pixels(self._pixels)))

    def wait_for(self, words: str, seconds: float = WINDOW_WAIT_SECONDS, unless: str = "") -> None:
        """Until all these words can be read; SmokeError when they do not come, or others do."""

        def shown() -> bool:
            seen = self.text()
            if unless and stands_in(unless, seen):
                raise SmokeError(f"{unless!r} stands on the screen, not {words!r}")
            return stands_in(words, seen)

        poll(shown, seconds, f"{words!r} on the screen")

    # -- keyboard and mouse ----------------------------------------------------------------------

    def _xdotool(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env={**os.environ, "DISPLAY": self.display}, capture_output=True, text=True,
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
        """Leave a dialog with the keyboard."""
        shown = ("search", "--onlyvisible", "--name", name)
        poll(lambda: self._xdotool(*shown), WINDOW_WAIT_SECONDS, f"{name} is open")
        self.key("Escape")
        poll(lambda: not self._xdotool(*shown), WINDOW_WAIT_SECONDS, f"{name} is closed")

    def type(self, text: str) -> None:
        """Type and press Return."""
        self._xdotool("type", "--delay", "20", text)
        self._xdotool("key", "Return")

    def key(self, name: str) -> None:
        """Press one combination of keys."""
        self._xdotool("key", name)

    def open_settings(self) -> None:
        """Click on the button at the foot of the rail."""
        window = self._window()
        size = dict(line.split("=") for line in self._xdotool("getwindowgeometry", "--shell", window).splitlines())
        self._xdotool("mousemove", "--window", window, "38", str(int(size["HEIGHT"]) - 34), "click", "1")

    def click(self, phrase: str) -> None:
        """Click on the words, once they can be read."""

        def place() -> tuple[str, ...]:
            return tuple(map(str, place_of(read(*pixels(self._pixels)), phrase) or ()))

        self._xdotool("mousemove", *poll(place, WINDOW_WAIT_SECONDS, f"{phrase!r} to click"), "click", "1")
