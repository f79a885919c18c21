"""Two computers in one: network namespaces with a cable between them, which can be slow, lose packets, and be pulled.

Needs root, ip and tc (iproute2), and a kernel that lets namespaces be made; ``why_not`` says what is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .program import poll

ROOT = Path(__file__).resolve().parents[2]
NEAR, FAR = "10.77.13.1", "10.77.13.2"


def why_not() -> str:
    """Why there can be no two computers here; "" where there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces are made by root on Linux"
    if not (shutil.which("ip") and shutil.which("tc")):
        return "ip and tc are missing (package iproute2)"
    name = f"heft-trial-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


@dataclass(frozen=True)
class TwoComputers:
    """Namespaces ``near`` and ``far``; each has one end of the cable."""

    near: str
    far: str

    def start(self, where: str, command: Sequence[str], said: str = "", **environment: str) -> subprocess.Popen[str]:
        """A process on one of them, with its output to read; ``said`` is its input."""
        known = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **environment}
        process = subprocess.Popen(
            ["ip", "netns", "exec", where, *command], env=known, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(said)
        process.stdin.close()
        process.stdin = None
        return process

    def heft(self, *arguments: str, said: str = "", where: str = "", **environment: str) -> subprocess.Popen[str]:
        """A command of Heft, on the near one unless told otherwise."""
        return self.start(where or self.near, [sys.executable, "-m", "desktop", *arguments], said, **environment)

    def worsen(self, delay_ms: int, loss_percent: float) -> bool:
        """Make the cable slow and lossy from the far end; False where this kernel cannot."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.far, "tc", "qdisc", "add", "dev", "cable", "root", "netem",
             "delay", f"{delay_ms}ms", "loss", f"{loss_percent}%"], capture_output=True, check=False,
        )  # fmt: skip
        return done.returncode == 0

    def pull_the_cable(self) -> None:
        """Neither end hears of the other any more, and nobody says goodbye."""
        _ip("netns", "exec", self.far, "ip", "link", "set", "cable", "down")


@contextmanager
def two_computers() -> Iterator[TwoComputers]:
    """They are there until the block ends."""
    number = os.getpid()
    made = TwoComputers(f"heft-near-{number}", f"heft-far-{number}")
    with contextlib.ExitStack() as stack:
        for name in (made.near, made.far):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
        _ip("link", "add", "cable", "netns", made.near, "type", "veth", "peer", "name", "cable", "netns", made.far)
        for name, address in ((made.near, NEAR), (made.far, FAR)):
            _ip("netns", "exec", name, "ip", "address", "add", f"{address}/24", "dev", "cable")
            for link in ("lo", "cable"):
                _ip("netns", "exec", name, "ip", "link", "set", link, "up")
        for name in (made.near, made.far):  # the kernel tells of a carrier up to a second later
            poll(partial(_has_carrier, name), 10.0, "the cable's carrier")
        yield made


def _has_carrier(name: str) -> bool:
    shown = subprocess.run(["ip", "-n", name, "link", "show", "cable"], check=True, capture_output=True, text=True)
    return "NO-CARRIER" not in shown.stdout


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
