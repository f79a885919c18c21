"""What a screen reader gets to know of the window: AT-SPI over a bus of the test's own, asked with glib's gdbus."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtDBus import QDBusConnection, QDBusMessage

from .program import END_SECONDS, START_SECONDS, poll

_LAUNCHER = Path("/usr/libexec/at-spi-bus-launcher")
_ROOT = "/org/a11y/atspi/accessible/root"
_CALL_SECONDS = 30


@dataclass(frozen=True)
class Accessible:
    """An object as assistive programs see it."""

    reader: ScreenReader
    owner: str
    path: str

    def _ask(self, method: str, *arguments: str) -> str:
        return self.reader.call(self.owner, self.path, method, *arguments)

    def _property(self, name: str) -> str:
        interface = "org.a11y.atspi.Accessible"
        found = self._ask("org.freedesktop.DBus.Properties.Get", interface, name)
        return str(ast.literal_eval(found.removeprefix("(<").removesuffix(">,)")))

    @property
    def name(self) -> str:
        return self._property("Name")

    @property
    def description(self) -> str:
        return self._property("Description")

    @property
    def role(self) -> str:
        return str(ast.literal_eval(self._ask("org.a11y.atspi.Accessible.GetRoleName"))[0])

    @property
    def children(self) -> list[Accessible]:
        said = self._ask("org.a11y.atspi.Accessible.GetChildren")
        found = re.findall(r"\('(:[\d.]+)', (?:objectpath )?'([^']+)'\)", said)
        return [Accessible(self.reader, owner, path) for owner, path in found]

    def find(self, name: str) -> Accessible | None:
        """The first one below of that name, level by level."""
        level = self.children
        while level:
            if (found := next((one for one in level if one.name == name), None)) is not None:
                return found
            level = [child for one in level for child in one.children]
        return None


class ScreenReader:
    """Connected to the bus of assistive programs; ``environment`` is what a program needs to be on it."""

    def __init__(self, session: str, folder: Path) -> None:
        self.environment = {"DBUS_SESSION_BUS_ADDRESS": session, "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
        asked = ["gdbus", "call", "--session", "--dest", "org.a11y.Bus", "--object-path", "/org/a11y/bus"]
        around = {**os.environ, **self.environment}
        answer = subprocess.run(
            [*asked, "--method", "org.a11y.Bus.GetAddress"],
            env=around, capture_output=True, text=True, check=True, timeout=_CALL_SECONDS,
        )  # fmt: skip
        self._address: str = ast.literal_eval(answer.stdout)[0]
        self._listen()
        self._heard = folder / "announcements.log"
        with self._heard.open("wb") as log:
            rule = "interface='org.a11y.atspi.Event.Object',member='Announcement'"
            words = ["dbus-monitor", "--address", self._address, rule]
            self._monitor = subprocess.Popen(words, stdout=log, stderr=log)

    def _listen(self) -> None:
        """Say that events are wanted, over a connection that stays: programs send none that nobody wants."""
        self._connection = QDBusConnection.connectToBus(self._address, "screen-reader")
        assert self._connection.isConnected(), self._connection.lastError().message()
        registry = "org.a11y.atspi.Registry"
        wanted = QDBusMessage.createMethodCall(registry, "/org/a11y/atspi/registry", registry, "RegisterEvent")
        wanted.setArguments(["object:announcement"])
        answer = self._connection.call(wanted)
        assert answer.type() == QDBusMessage.MessageType.ReplyMessage, answer.errorMessage()

    def call(self, owner: str, path: str, method: str, *arguments: str) -> str:
        """gdbus's answer."""
        words = ["gdbus", "call", "--address", self._address, "--dest", owner, "--object-path", path]
        done = subprocess.run(
            [*words, "--method", method, *arguments], capture_output=True, text=True, timeout=_CALL_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def program(self) -> Accessible:
        """The one program on the bus."""
        registry = Accessible(self, "org.a11y.atspi.Registry", _ROOT)
        return poll(lambda: next(iter(registry.children), None), START_SECONDS, "the program on the accessibility bus")

    def announced(self) -> list[str]:
        """All that was announced so far, in order."""
        return re.findall(r'variant +string "(.*?)"$', self._heard.read_text(errors="replace"), re.M | re.S)

    def close(self) -> None:
        """Hear no more."""
        QDBusConnection.disconnectFromBus("screen-reader")
        self._monitor.terminate()
        self._monitor.wait(END_SECONDS)


@contextlib.contextmanager
def screen_reader(display: str, folder: Path) -> Iterator[ScreenReader]:
    """A session bus with the accessibility bus on it. Skipped where the system has none."""
    missing = [tool for tool in ("dbus-daemon", "gdbus", "dbus-monitor") if shutil.which(tool) is None]
    if missing or not _LAUNCHER.exists():
        pytest.skip("AT-SPI (at-spi2-core, dbus, libglib2.0-bin) is not installed")
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert bus.stdout is not None
    session = bus.stdout.readline().strip()
    around = {**os.environ, "DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": session, "XDG_RUNTIME_DIR": str(folder)}
    with (folder / "at-spi.log").open("wb") as log:
        launcher = subprocess.Popen([str(_LAUNCHER), "--launch-immediately"], env=around, stdout=log, stderr=log)
    try:
        names = ["gdbus", "wait", "--session", "--timeout", str(int(START_SECONDS)), "org.a11y.Bus"]
        subprocess.run(names, env=around, check=True, timeout=2 * START_SECONDS)
        reader = ScreenReader(session, folder)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        for process in (launcher, bus):
            process.terminate()
            process.wait(END_SECONDS)
        bus.stdout.close()
