"""The unit of ``heft serve``, started as systemd starts it: by its own command line, in the environment it names."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from desktop.services.serve import unit
from desktop.store.paths import Paths

SECONDS = 60.0
STOP_SECONDS = 45.0  # TimeoutStopSec of the unit
ROOT = Path(__file__).resolve().parents[3]


def words_of(line: str) -> list[str]:
    """A command line or assignment as systemd reads it (systemd.syntax(7)): quotes, backslashes, %% and $$."""
    found, word, quoted, signs = [], "", False, iter(line)
    for sign in signs:
        if sign == '"':
            quoted = not quoted
        elif sign == "\\":
            word += next(signs)
        elif sign == " " and not quoted:
            found.append(word)
            word = ""
        else:
            word += sign
    return [each.replace("%%", "%").replace("$$", "$") for each in (*found, word)]


def values(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def as_systemd_would(text: str, home: Path) -> subprocess.Popen[bytes]:
    """Its ExecStart with what a user's systemd hands on (systemd.exec(5), "Environment variables")."""
    named = dict(words_of(line)[0].split("=", 1) for line in values(text, "Environment"))
    around = {
        "HOME": str(home), "USER": "person", "LOGNAME": "person", "SHELL": "/bin/sh", "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(home),
        "PYTHONPATH": str(ROOT),  # a checkout is not installed; a package has no need of it
        **named,
    }  # fmt: skip
    return subprocess.Popen(
        words_of(values(text, "ExecStart")[0]), env=around, cwd=home, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="systemd is Linux's")
def test_it_starts_serves_and_stops_cleanly_by_its_own_command_line(paths: Paths, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path / "a person's home"
    home.mkdir()
    place = tmp_path / 'my "models"/100%$x'
    place.mkdir(parents=True)
    text = unit.unit_text(["--port", str(port)], {"HEFT_HOME": str(place)})
    process = as_systemd_would(text, home)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert f"http://127.0.0.1:{port}" in line, process.communicate(timeout=SECONDS)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=SECONDS) as answer:
            assert answer.status == 200
        assert (place / "serve-key").exists() or any(place.iterdir())  # its data lies where the unit says
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0 and time.monotonic() - began < STOP_SECONDS
    finally:
        process.kill()
        process.communicate()


def test_what_is_quoted_is_read_back_as_it_was() -> None:
    odd = '/srv/my "models"/100%$x\\'
    text = unit.unit_text(["--port", "9000"], {"HEFT_HOME": odd})
    assert words_of(values(text, "ExecStart")[0])[-3:] == ["serve", "--port", "9000"]
    assert words_of(values(text, "Environment")[0]) == [f"HEFT_HOME={odd}"]
