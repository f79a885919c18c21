"""A real sshd on loopback, on a port and with keys of its own, and an ``ssh`` whose configuration knows it as "studio".

Root's sshd wants a user "sshd" and a folder /run/sshd; where they are missing they are there in a mount namespace of
its own. ``HEFT_SSHD`` names the program where it is not installed.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .program import poll

_SECONDS = 30.0
_SSHD_USER = "sshd:x:65530:65534::/run/sshd:/usr/sbin/nologin"


def why_not() -> str:
    """Why there can be no sshd here; "" where there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a mount namespace for sshd is made by root on Linux"
    missing = [name for name in ("ssh", "ssh-keygen", "unshare") if shutil.which(name) is None]
    if _sshd() is None:
        missing.append("sshd")
    if missing:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    return f"no mount namespace can be made: {tried.stderr.strip()}" if tried.returncode else ""


def _sshd() -> str | None:
    return os.environ.get("HEFT_SSHD") or shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")


@dataclass
class SshDaemon:
    """A running one. ``programs`` has the ``ssh`` that knows it, to stand first in PATH."""

    programs: Path
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def known_hosts(self) -> Path:
        """The host keys that this ssh trusts."""
        return self.folder / "known_hosts"

    @property
    def authorized_keys(self) -> Path:
        """The keys that sshd lets in."""
        return self.folder / "authorized_keys"

    def stop(self) -> None:
        """End it, with what it serves."""
        self.process.kill()
        self.process.wait()


@contextmanager
def ssh_daemon(folder: Path, path: str) -> Iterator[SshDaemon]:
    """Until the block ends. ``path`` is where those who log in find their programs."""
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(made, check=True)
    with socket.create_server(("127.0.0.1", 0)) as asked:
        port = asked.getsockname()[1]
    _configure(folder, port, path)
    sshd = _sshd()
    assert sshd is not None
    prepared = (
        "mount --make-rprivate / && mount -t tmpfs none /run && mkdir /run/sshd && "
        f"mount --bind '{folder}/passwd' /etc/passwd && exec '{sshd}' -D -e -f '{folder}/sshd_config'"
    )
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(["unshare", "-m", "--", "sh", "-c", prepared], stdout=log, stderr=log)
    made_daemon = SshDaemon(folder / "programs", folder, process)
    try:
        poll(lambda: _listens(port) or process.poll() is not None, _SECONDS, "sshd")
        assert process.poll() is None, (folder / "sshd.log").read_text()
        yield made_daemon
    finally:
        made_daemon.stop()


def _configure(folder: Path, port: int, path: str) -> None:
    host, user = (folder / f"{name}.pub" for name in ("host", "user"))
    (folder / "authorized_keys").write_text(user.read_text())
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host.read_text()}")
    lines = Path("/etc/passwd").read_text()
    (folder / "passwd").write_text(lines if "\nsshd:" in lines else f"{lines}{_SSHD_USER}\n")
    forwarded = " ".join(f"{name}={value}" for name, value in {**_passed_on(), "PATH": path}.items())
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        f"SetEnv {forwarded}\n"
    )
    (folder / "ssh_config").write_text(
        f"Host studio\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {folder}/user\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
    )
    programs = folder / "programs"
    programs.mkdir()
    wrapped = programs / "ssh"
    wrapped.write_text(f"#!/bin/sh\nexec '{shutil.which('ssh')}' -F '{folder}/ssh_config' \"$@\"\n")
    wrapped.chmod(wrapped.stat().st_mode | stat.S_IXUSR)


def _passed_on() -> dict[str, str]:
    """What Heft's processes need there, too."""
    return {name: os.environ[name] for name in ("PYTHONPATH", "QT_QPA_PLATFORM") if name in os.environ}


def _listens(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0
