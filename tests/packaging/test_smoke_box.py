"""A box of the smoke run, around this computer's own files: what is in it, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from smoke_box import SUPERUSER, Box, BoxError, User
from support import offline
from support.program import poll

NOBODY = User("nobody", 65534, "/")
OWNER = """
import sys, tempfile
from pathlib import Path
sys.path.append(sys.argv[1])
from smoke_box import Box
import subprocess
box = Box([Path("/")], Path(sys.argv[2]))
program = subprocess.Popen(box.command(["sleep", "1000"]))
while not box.processes(): pass
print(box.first_process, *box.processes(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A box whose files are this computer's at first."""
    offline.need_namespace()
    with Box([Path("/")], tmp_path, binds={Path(__file__).parent: "/srv/tests"}) as made:
        yield made


def inside(box: Box, *words: str, user: User = SUPERUSER, environment: dict[str, str] | None = None) -> str:
    command = box.command(words, user, environment=environment)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_program_sees_no_environment_but_what_it_is_given(box: Box) -> None:
    assert set(inside(box, "env", environment={"A": "1"}).splitlines()) >= {"A=1", "HOME=/root"}
    names = {line.partition("=")[0] for line in inside(box, "env", environment={"A": "1"}).splitlines()}
    assert names == {"PATH", "HOME", "A"}


def test_there_is_no_network_but_loopback(box: Box) -> None:
    lines = inside(box, "cat", "/proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]
    listen = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    inside(box, os.path.realpath(sys.executable), "-c", listen)  # an environment below /tmp is not in the box


def test_changes_stay_in_it(box: Box) -> None:
    name = f"/heft-box-{os.getpid()}"
    inside(box, "touch", name)
    assert box.path(name).exists() and not Path(name).exists()


def test_what_is_bound_is_seen(box: Box) -> None:
    assert Path(__file__).name in inside(box, "ls", "/srv/tests").splitlines()


def test_another_user_may_not_change_the_root(box: Box) -> None:
    assert inside(box, "id", "-u", user=NOBODY).strip() == "65534"
    with pytest.raises(subprocess.CalledProcessError):
        inside(box, "touch", "/etc/heft", user=NOBODY)


def test_only_its_own_processes_are_its_own(box: Box) -> None:
    program = subprocess.Popen(box.command(["sleep", "1000"]))
    (number,) = poll(box.processes, 20, "a process of the box")
    assert b"sleep" in Path(f"/proc/{number}/cmdline").read_bytes()
    box.end_all()
    assert program.wait(20) != 0
    assert box.processes() == []


def test_a_killed_owner_leaves_no_process_and_no_mount(tmp_path: Path) -> None:
    offline.need_namespace()
    command = [sys.executable, "-c", OWNER, str(Path(__file__).resolve().parents[2] / "packaging"), str(tmp_path)]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdin is not None and owner.stdout is not None
    numbers = list(map(int, owner.stdout.readline().split()))
    assert len(numbers) == 2
    owner.send_signal(signal.SIGKILL)
    owner.wait(20)
    owner.stdin.close()
    owner.stdout.close()
    poll(lambda: not any(map(_runs, numbers)), 20, "the end of the box's processes")
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert list((tmp_path / "box").iterdir()) == []


def test_a_root_that_cannot_be_put_together_is_told(tmp_path: Path) -> None:
    offline.need_namespace()
    with pytest.raises(BoxError, match="no box: mount"):
        Box([tmp_path / "no such layer"], tmp_path)


def _runs(number: int) -> bool:
    with contextlib.suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{number}/status").read_text()
    return False
