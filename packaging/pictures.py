"""Take the README's pictures from the real program: .venv/bin/python packaging/pictures.py [--only light|dark]

Starts ``heft`` on a virtual screen of 1280x800 in a home folder of its own, types real questions, waits for the
starter model's real answers, and saves each page to docs/pictures/PAGE-SCHEME.png. The Hub is the local one of
tests/support/hub_server_demo.py. Needs what packaging/test.sh installs (Xvfb, xdotool, test data), takes two minutes.

Pages show where files lie, so the program sees its home folder as /home/you, with the checkout's environment in
/home/you/heft/.venv: mounts of its own, which only root may make.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from PySide6.QtGui import QGuiApplication, QImage, QPixmap

from desktop.store.chats import ChatStore
from desktop.store.options import WindowGeometry
from desktop.store.settings import SettingsStore

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
FAILED = ROOT / "build" / "pictures-failed.png"
WIDTH, HEIGHT = 1280, 800
SEEN_HOME = Path("/home/you")  # as the program sees its home folder
SEEN_ENVIRONMENT = SEEN_HOME / "heft" / ".venv"  # and the Python environment, in which the starter model lies
PAGES = {"library": "ctrl+2", "chat": "ctrl+3", "serve": "ctrl+6", "machine": "ctrl+7"}
QUESTIONS = (  # what a model of 135 million parameters can answer
    "Name three kinds of fruit, as a list.",
    "Write a Python function that adds up a list.",
)
FIRST_RESULT, INSPECT, NOWHERE = (200, 195), (1024, 29), (40, 600)  # on the page Discover, in pixels
FIRST_CHAT = (190, 88)  # where the first chat of the list is clicked; pixels from the top left corner
START_SECONDS = 30.0
ANSWER_SECONDS = 120.0
STILL_SECONDS = 4.0  # a page counts as complete when nothing on it has changed for this long
SETTLE_SECONDS = 30.0  # a page with live figures never stands still; it is taken as it is after this time

Scheme = Literal["light", "dark"]


def wait_for(check: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll ``check`` ten times a second; TimeoutError when it stays false."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


@contextlib.contextmanager
def virtual_screen() -> Iterator[str]:
    """A screen of its own; gives its display name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def xdotool(*arguments: str) -> str:
    """Run xdotool on the virtual screen; its output."""
    return subprocess.run(["xdotool", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def screenshot() -> QPixmap:
    """The whole virtual screen as it is now."""
    return QGuiApplication.primaryScreen().grabWindow(0)


def wait_until_still() -> QImage:
    """The screen once nothing changes on it any more."""
    started = unchanged_since = time.monotonic()
    last = screenshot().toImage()
    while time.monotonic() - unchanged_since < STILL_SECONDS and time.monotonic() - started < SETTLE_SECONDS:
        time.sleep(0.2)
        now = screenshot().toImage()
        if now != last:
            last, unchanged_since = now, time.monotonic()
    return last


def save(name: str) -> None:
    """Save the screen once it stands still."""
    last = wait_until_still()
    path = PICTURES / f"{name}.png"
    if not last.save(str(path), quality=0):  # quality 0 is the strongest compression; PNG loses nothing
        raise OSError(f"cannot write {path}")
    print(path.relative_to(ROOT))


def chat_is_listed() -> bool:
    """True once something is written where the first chat of the list stands."""
    x, y = FIRST_CHAT
    row = screenshot().copy(x - 90, y - 15, 150, 30).toImage()
    return len({row.pixel(column, line) for column in range(row.width()) for line in range(row.height())}) > 1


def data_folder(home: Path) -> Path:
    """Where the program keeps its data in this home folder."""
    return home / ".local" / "share" / "heft"


def has_answers(home: Path, wanted: int) -> bool:
    """True once the program has stored that many complete answers."""
    database = data_folder(home) / "chats.sqlite3"
    if not database.exists():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        query = "SELECT count(*) FROM messages WHERE role = 'assistant' AND state = 'complete'"
        return bool(db.execute(query).fetchone()[0] >= wanted)


@contextlib.contextmanager
def demo_hub() -> Iterator[str]:
    """A Hub of this computer; gives its address."""
    command = [sys.executable, "-m", "tests.support.hub_server_demo", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0].partition("=")[2]
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def seen_home() -> Iterator[None]:
    """A folder to mount the program's home at; gone afterwards, if it was not there."""
    made = not SEEN_HOME.exists()
    SEEN_HOME.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made:
            SEEN_HOME.rmdir()


@contextlib.contextmanager
def program(home: Path, endpoint: str) -> Iterator[None]:
    """The window, painted and with the keyboard; nothing of the user's own folders is in its reach or on its pages."""
    inside = home / SEEN_ENVIRONMENT.relative_to(SEEN_HOME)
    inside.mkdir(parents=True)
    steps = (
        ("mount", "--bind", home, SEEN_HOME),
        ("mount", "--bind", sys.prefix, SEEN_ENVIRONMENT),
        ("exec", SEEN_ENVIRONMENT / "bin" / "python", "-m", "desktop"),
    )
    script = " && ".join(shlex.join(map(str, step)) for step in steps)
    own = ("HEFT_", "HF_", "XDG_", "OLLAMA_", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"HOME": str(SEEN_HOME), "HF_HOME": str(SEEN_HOME / "hub"), "XDG_RUNTIME_DIR": str(SEEN_HOME)}
    environment |= {"HF_ENDPOINT": endpoint, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(ROOT)}
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        search = ("search", "--onlyvisible", "--name", "^Heft$")
        wait_for(lambda: bool(xdotool(*search)), START_SECONDS, "the window")
        window = xdotool(*search).splitlines()[0]
        xdotool("windowsize", "--sync", window, str(WIDTH), str(HEIGHT))  # by itself it leaves room for a title bar
        xdotool("windowmove", window, "0", "0", "windowfocus", "--sync", window)
        yield
        xdotool("key", "ctrl+q")
        process.wait(START_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.contextmanager
def kept_on_failure() -> Iterator[None]:
    """Where something was not to be had in time, what the screen showed then is kept."""
    try:
        yield
    except TimeoutError:
        screenshot().save(str(FAILED))
        print(f"What the screen showed: {FAILED.relative_to(ROOT)}", file=sys.stderr)
        raise


def take(scheme: Scheme, endpoint: str) -> None:
    """All pictures in one colour scheme, from one run of the program."""
    with tempfile.TemporaryDirectory(prefix="heft-pictures-") as folder:
        home = Path(folder)
        data = data_folder(home)
        data.mkdir(parents=True)
        SettingsStore(data / "settings.json").update(theme=scheme, window=WindowGeometry(0, 0, WIDTH, HEIGHT))
        chats = ChatStore(data / "chats.sqlite3")
        chats.create(sampling={"temperature": 0.0})  # greedy: the same pictures each time
        chats.close()
        with program(home, endpoint), kept_on_failure():
            wait_for(chat_is_listed, START_SECONDS, "the list of chats")
            xdotool("mousemove", *map(str, FIRST_CHAT), "click", "1", "key", "ctrl+l")
            for count, question in enumerate(QUESTIONS, start=1):
                xdotool("type", "--delay", "15", question)
                xdotool("key", "Return")
                wait_for(partial(has_answers, home, count), ANSWER_SECONDS, "the answer")
            for page, keys in PAGES.items():
                xdotool("key", keys)
                save(f"{page}-{scheme}")
            xdotool("key", "ctrl+1")
            wait_until_still()
            xdotool("mousemove", *map(str, FIRST_RESULT), "click", "1")
            save(f"discover-{scheme}")
            xdotool("mousemove", *map(str, INSPECT), "click", "1", "mousemove", *map(str, NOWHERE))
            save(f"inspect-{scheme}")


def main() -> int:
    """Take the pictures of both schemes, or of one."""
    parser = argparse.ArgumentParser(description="Take the README's pictures from the real program.")
    parser.add_argument("--only", choices=("light", "dark"))
    args = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("only root may give the program a home of its own: sudo .venv/bin/python packaging/pictures.py")
    PICTURES.mkdir(parents=True, exist_ok=True)
    FAILED.parent.mkdir(exist_ok=True)
    with virtual_screen() as display, demo_hub() as endpoint, seen_home():
        os.environ.update(DISPLAY=display, QT_QPA_PLATFORM="xcb")
        application = QGuiApplication(["heft-pictures"])
        for scheme in (args.only,) if args.only else ("light", "dark"):
            take(scheme, endpoint)
        application.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
