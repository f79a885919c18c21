"""A bare root as if it were a computer of its own: its own files, processes and network, gone when this ends.

All mounts lie in a namespace whose first process reads a pipe of ours: however we end, it ends too, and with it every
process and mount of the box; nothing is ever mounted where somebody else could see it. Linux, as root.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # before a command: it does not outlive whoever started it
PATH = "/usr/local/bin:/usr/bin:/bin"
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a kernel does not do by itself in a new namespace of networks (netdevice(7): SIOCSIFFLAGS with IFF_UP)
LOOPBACK = """
import fcntl, socket, struct
with socket.socket() as any: fcntl.ioctl(any, 0x8914, struct.pack("16sh14x", b"lo", 1))
"""
# Words: the lowest layer last, where the new root is put together, what Python is here, then pairs of what to bind
INIT = """
set -eu
read -r number rest < /proc/self/stat
layers=$1 place=$2 python=$3 upper=$4
shift 4
if [ -z "$upper" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$place"
    upper=$place
fi
mkdir -p "$upper/changes" "$upper/work" "$place/root"
mount -t overlay -o "lowerdir=$layers,upperdir=$upper/changes,workdir=$upper/work" overlay "$place/root"
cd "$place/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    : > dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${stream%%:*}" "dev/${stream#*:}"; done
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
while [ $# -gt 0 ]; do
    target=${2#/}
    mkdir -p "${target%/*}"
    if [ -d "$1" ]; then mkdir -p "$target"; else : > "$target"; fi
    mount --bind "$1" "$target"
    shift 2
done
chmod 1777 tmp/.X11-unix 2>/dev/null || true
"$python" -c "$LOOPBACK"
pivot_root . .
umount -l .
echo "$number"
exec env -i cat
"""


class BoxError(Exception):
    """A box could not be made; the message is what the system said."""


@dataclass(frozen=True)
class User:
    """Who runs a command in a box."""

    name: str
    number: int
    home: str


SUPERUSER = User("root", 0, "/root")
PERSON = User("ann", 1000, "/home/ann")


class Box:
    """A computer made of ``layers`` (the uppermost first); a context manager.

    ``network``: it shares this computer's, else it has loopback only. ``binds``: what of this computer is seen where.
    ``changes``: an empty folder that keeps what was changed (in "changes"); by default memory does, and it is lost.
    """

    def __init__(
        self,
        layers: Sequence[Path],
        folder: Path,
        *,
        network: bool = False,
        binds: Mapping[Path, str] | None = None,
        changes: Path | None = None,
    ) -> None:
        self._network = network
        place = folder / "box"
        place.mkdir()
        apart = ["--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        words = [":".join(map(str, layers)), str(place), sys.executable, str(changes or "")]
        words += [str(word) for pair in (binds or {}).items() for word in pair]
        self._outer = subprocess.Popen(
            ["unshare", *apart, "sh", "-c", INIT, "sh", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "LOOPBACK": "" if network else LOOPBACK},
        )  # fmt: skip
        assert self._outer.stdout is not None and self._outer.stderr is not None
        number = self._outer.stdout.readline().strip()
        if not number:
            told = self._outer.stderr.read().strip()
            self.close()
            raise BoxError(f"no box: {told}")
        self.first_process = int(number)
        self._processes = Path(f"/proc/{number}/ns/pid").stat().st_ino

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all that runs in it; its mounts go with the last of it."""
        assert self._outer.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._outer.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._outer.wait(10)
        self._outer.kill()
        self._outer.wait()
        for stream in (self._outer.stdout, self._outer.stderr):
            if stream is not None:
                stream.close()

    def path(self, inside: str | Path) -> Path:
        """Where a file of the box lies for us. Absolute links in it mean our own files: do not follow them."""
        return Path(f"/proc/{self.first_process}/root/{str(inside).lstrip('/')}")

    def command(
        self, words: Sequence[str | Path], user: User = SUPERUSER, *, cwd: str = "/",
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:  # fmt: skip
        """The command that runs ``words`` in the box; they see ``environment`` and nothing else."""
        spaces = ["--mount", "--pid", *([] if self._network else ["--net"])]
        person = ["--setgid", str(user.number), "--setuid", str(user.number)] if user.number else []
        variables = {"PATH": PATH if user.number else ROOT_PATH, "HOME": user.home} | dict(environment or {})
        return [
            "nsenter", "--target", str(self.first_process), *spaces, "--root", *person, "--",
            "/usr/bin/env", "-i", "-C", cwd, *(f"{name}={value}" for name, value in variables.items()),
            *map(str, words),
        ]  # fmt: skip

    def beside(self, words: Sequence[str | Path]) -> list[str]:
        """The command that runs ``words`` with this computer's files in the box's network."""
        return ["nsenter", "--target", str(self.first_process), "--net", "--", *map(str, words)]

    def processes(self) -> list[int]:
        """All that runs in it besides its first process, by our numbers."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                same = (place / "ns" / "pid").stat().st_ino == self._processes
                if same and int(place.name) != self.first_process and not _is_zombie(place):
                    found.append(int(place.name))
        return sorted(found)

    def end_all(self) -> None:
        """Kill whatever runs in it."""
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _is_zombie(place: Path) -> bool:
    """Ended, and not asked for its exit code: orphans stay so, since the first process only reads."""
    return b"State:\tZ" in (place / "status").read_bytes()
