"""A computer that is reached by a real sshd: its worker is started, used and ended; strangers are refused.

The other computer is this one, with another folder for Heft's data.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.program import poll
from support.ssh_daemon import SshDaemon, ssh_daemon, why_not

pytestmark = pytest.mark.engine
SECONDS = 240.0


@pytest.fixture
def daemon(tmp_path: Path, heft_home: Path) -> Iterator[SshDaemon]:
    if reason := why_not():
        pytest.skip(reason)
    there = tmp_path / "there"
    there.mkdir()
    program = there / "heft"
    program.write_text(f"#!/bin/sh\nHEFT_HOME='{tmp_path}/far' exec '{sys.executable}' -m desktop \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with ssh_daemon(tmp_path / "ssh", f"{there}:/usr/bin:/bin") as made:
        yield made


def heft(daemon: SshDaemon, *arguments: str, code: int = 0) -> Any:
    """The document of a command, on the near computer."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"], text=True, capture_output=True, timeout=SECONDS,
        env={**os.environ, "PATH": f"{daemon.programs}:{os.environ['PATH']}"}, check=False,
    )  # fmt: skip
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def no_worker_runs(daemon: SshDaemon) -> bool:
    """Whether none that ssh started is left."""
    home = str(daemon.folder.parent / "far")
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            if "--until-eof" in (process.info["cmdline"] or ()) and process.environ().get("HEFT_HOME") == home:
                return False
    return True


def test_it_is_added_by_name_and_its_devices_are_used_by_a_load(daemon: SshDaemon) -> None:
    (one,) = heft(daemon, "workers", "add", "--ssh", "studio")["workers"]
    assert (one["name"], one["ssh"], one["address"]) == ("studio", "studio", "studio")
    assert one["reachable"] and one["devices"] and one["error"] is None
    poll(lambda: no_worker_runs(daemon), SECONDS, "the worker's end with the command")
    ways = {way["kind"] for way in heft(daemon, "workers", "weigh", "starter")["ways"]}
    assert ways == {"stay", "split", "whole"}
    told = heft(
        daemon, "run", "starter", "--prompt", "Once", "--max-tokens", "4", "--gpu-layers", "99", "--device", "@studio"
    )
    assert any(device["engine_device"].startswith("RPC") for device in told["loaded_devices"])
    poll(lambda: no_worker_runs(daemon), SECONDS, "the worker's end with the command")


def test_a_host_that_nobody_knows_and_a_key_that_is_not_let_in(daemon: SshDaemon) -> None:
    known = daemon.known_hosts.read_text()
    daemon.known_hosts.write_text("")
    error = heft(daemon, "workers", "add", "--ssh", "studio", code=1)["error"]
    assert error["kind"] == "certificate" and "host key of studio is not known" in error["message"]
    assert daemon.known_hosts.read_text() == "", "no key is taken unasked"
    daemon.known_hosts.write_text(known)
    daemon.authorized_keys.write_text("")
    error = heft(daemon, "workers", "add", "--ssh", "studio", code=1)["error"]
    assert error["kind"] == "key-wrong" and "without a password" in error["message"]


def test_a_computer_without_heft_or_without_sshd(daemon: SshDaemon) -> None:
    wrong = ("workers", "add", "--ssh", "studio", "--ssh-heft", "/nowhere/heft")
    error = heft(daemon, *wrong, code=1)["error"]
    assert error["kind"] == "not-found" and "'/nowhere/heft'" in error["message"]
    daemon.stop()
    (one,) = heft(daemon, "workers", "add", "--ssh", "studio")["workers"]
    assert not one["reachable"] and one["error"]["kind"] == "unreachable"
    assert "Connection refused" in one["error"]["message"]
