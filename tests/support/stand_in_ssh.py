"""In the place of ssh and of the Heft on another computer: programs of these names in a folder that PATH begins with.

``ssh`` forwards its port on this computer and runs the command in a shell, as sshd would; a host of :data:`FAILURES`
fails in ssh's own words instead. ``heft`` lends as tests/support/lent_devices.py does, without an engine. What ssh was
called with is written down.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CALLS, LIVES = "calls.jsonl", "heft.pid"
FAILURES = {
    "stranger": (255, "No ED25519 host key is known for stranger and you have requested strict checking.\n"
                      "Host key verification failed."),
    "changed": (255, "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed."),
    "locked": (255, "me@locked: Permission denied (publickey,password)."),
    "off": (255, "ssh: connect to host off port 22: No route to host"),
    "nameless": (255, "ssh: Could not resolve hostname nameless: Name or service not known"),
    "old": (2, "usage: heft worker [-h] [--tunnel {tls,ssh}]\nheft worker: error: unrecognized arguments: --until-eof"),
    "broken": (1, "Traceback (most recent call last):\nImportError: libgomp.so.1"),
}  # fmt: skip
SAYS = {
    "engineless": '{"error": {"kind": "no-server", "message": "There is no engine.", "hint": "Build it."}}',
    "chatty": "Welcome to chatty!",
}


def stand_in(folder: Path) -> Path:
    """The folder with both programs."""
    folder.mkdir()
    for name in ("ssh", "heft"):
        program = folder / name
        run = f"exec '{sys.executable}' '{__file__}' {name} '{folder}' \"$@\""
        program.write_text(f"#!/bin/sh\nPYTHONPATH='{TESTS}:{TESTS.parent}' {run}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def calls(folder: Path) -> list[list[str]]:
    """The arguments of each call of ssh."""
    file = folder / CALLS
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def heft_runs(folder: Path) -> bool:
    """Whether the worker that was started last is there still."""
    try:
        os.kill(int((folder / LIVES).read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def end_ssh(folder: Path) -> None:
    """As a pulled cable ends it."""
    os.kill(int((folder / "ssh.pid").read_text()), signal.SIGKILL)


def _ssh(folder: Path, arguments: list[str]) -> int:
    with (folder / CALLS).open("a") as file:
        file.write(json.dumps(arguments) + "\n")
    (folder / "ssh.pid").write_text(str(os.getpid()))
    target, command = arguments[-2:]
    host = target.rpartition("@")[2]
    if host in FAILURES:
        code, words = FAILURES[host]
        sys.stderr.write(words + "\n")
        return code
    if host in SAYS:
        sys.stdout.write(SAYS[host] + "\n")
        return 1 if host == "engineless" else 0
    here, there = (int(part) for part in arguments[arguments.index("-L") + 1].split(":")[1::2])
    listening = socket.create_server(("127.0.0.1", here))
    threading.Thread(target=_forward, args=(listening, there), daemon=True).start()
    home = {"PATH": f"{folder}:/usr/bin:/bin"} if host != "empty" else {"PATH": "/usr/bin:/bin"}
    return subprocess.run(["/bin/sh", "-c", command], env=home, check=False).returncode


def _forward(listening: socket.socket, there: int) -> None:
    while True:
        inside, _ = listening.accept()
        try:
            outside = socket.create_connection(("127.0.0.1", there))
        except OSError:
            inside.close()
            continue
        for one, other in ((inside, outside), (outside, inside)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := one.recv(1 << 16):
            other.sendall(part)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


def _heft(folder: Path, arguments: list[str]) -> int:
    from support.lent_devices import lending_at

    assert arguments[0] == "worker" and "--until-eof" in arguments and "--json" in arguments
    once = folder / "busy"
    if once.exists():
        once.unlink()
        problem = {"kind": "busy", "message": "Nothing can listen at that port.", "hint": "Take another."}
        sys.stdout.write(json.dumps({"error": problem}, indent=2))
        return 1
    (folder / LIVES).write_text(str(os.getpid()))
    with lending_at(folder / "far", int(arguments[arguments.index("--port") + 1])) as lender:
        sys.stdout.write(json.dumps({"address": "", "devices": [], "pairing": lender.pairing.text}, indent=2) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit({"ssh": _ssh, "heft": _heft}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:]))
