"""Programs without any network, and whether they tried to use it: the kernel's own counters of a private namespace.

A new network namespace has a loopback interface that is down: nothing can be reached, not even this computer, and
every attempt counts as a packet without a route. Sockets in the file system (the screen, the single instance) work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NAMESPACE = ("unshare", "--net", "--")
_COUNTED = {"Ip": ("OutRequests", "OutNoRoutes"), "Tcp": ("ActiveOpens", "PassiveOpens"), "Udp": ("OutDatagrams",)}
_COUNTED6 = ("Ip6OutRequests", "Ip6OutNoRoutes", "Udp6OutDatagrams")
# Seen by every Python process of the program: who asked for what, where the kernel only counts
HOOK = """
import os, sys
def _audit(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or (
        event in ("socket.connect", "socket.sendto", "socket.bind") and arguments[0].family != 1  # AF_UNIX
    ):
        with open(MARK, "a") as mark:
            mark.write(f"{event} {arguments[1:]} by {sys.argv} {sys.orig_argv}\\n")
sys.addaudithook(_audit)
"""


def need_namespace() -> None:
    """Skip where a namespace cannot be made, but never in CI."""
    possible = shutil.which("unshare") and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    if not possible and os.environ.get("CI"):
        pytest.fail("a network namespace cannot be made")
    if not possible:
        pytest.skip("only root may make a network namespace")


def attempts(net: Path) -> int:
    """Connections and packets that a namespace's processes tried; ``net`` is its /proc/PID/net."""
    total = 0
    rows: dict[str, list[str]] = {}
    for line in (net / "snmp").read_text().splitlines():
        kind, _, values = line.partition(":")
        names = rows.setdefault(kind, values.split())
        for name, value in zip(names, values.split(), strict=True):
            total += int(value) if name in _COUNTED.get(kind, ()) and value.isdigit() else 0
    for line in (net / "snmp6").read_text().splitlines() if (net / "snmp6").exists() else ():
        name, value = line.split()
        total += int(value) if name in _COUNTED6 else 0
    return total


def hook(folder: Path) -> tuple[dict[str, str], Path]:
    """Environment that makes every Python process tell of its sockets, and the file they tell it in."""
    folder.mkdir()
    told = folder / "told"
    (folder / "sitecustomize.py").write_text(f"MARK = {str(told)!r}\n{HOOK}")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}, told
