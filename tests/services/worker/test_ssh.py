"""Workers by ssh: started when they are needed, ended with Heft, and what keeps one from it in words."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keyrings import MemoryKeyring, memory_keyring
from support.lent_devices import LENT, Heard
from support.program import poll
from support.stand_in_ssh import calls, end_ssh, heft_runs, stand_in

from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.engine.backends import RPC_VARIABLE
from desktop.services.worker.ssh import checked_target, host_of
from desktop.services.worker.words import address_words, reached_words
from desktop.services.worker.workers import WorkerService
from desktop.store.paths import Paths

SECONDS = 30.0


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = stand_in(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def service(paths: Paths, programs: Path, heard: Heard) -> Iterator[WorkerService]:
    made = WorkerService(paths, tell=heard)
    yield made
    made.close()


def test_it_is_added_by_its_name_alone_and_no_key_is_kept(
    service: WorkerService, paths: Paths, ring: MemoryKeyring
) -> None:
    found = service.add_by_ssh("me@studio.local")
    assert found.reachable and found.worker.name == "studio" and found.devices == (LENT,)
    assert address_words(found.worker) == "me@studio.local, by ssh"
    assert os.environ[RPC_VARIABLE].startswith("127.0.0.1:") and service.lent()[0].worker == found.worker
    assert not ring.kept and "secret" not in paths.workers.read_text()
    assert service.measure("studio", seconds=0.6).link is not None


def test_ssh_trusts_as_the_user_has_set_it_and_asks_nobody(service: WorkerService, programs: Path) -> None:
    service.add_by_ssh("me@studio.local")
    (given,) = calls(programs)
    said = " ".join(given)
    assert "BatchMode=yes" in given and "StrictHostKeyChecking" not in said and "KnownHosts" not in said
    assert "ControlPath=none" in given and given[-3:-1] == ["--", "me@studio.local"]
    forward = given[given.index("-L") + 1]
    assert forward.startswith("127.0.0.1:") and forward.split(":")[2] == "127.0.0.1"


def test_it_is_started_when_it_is_needed_and_not_before(paths: Paths, programs: Path) -> None:
    first = WorkerService(paths)
    first.add_by_ssh("me@studio.local", "attic")
    assert heft_runs(programs)
    first.close()
    poll(lambda: not heft_runs(programs), SECONDS, "the worker's end")
    later = WorkerService(paths)
    try:
        assert not later.join() and len(calls(programs)) == 1  # an engine's start waits for no ssh
        later.summon(["studio"])
        assert len(calls(programs)) == 1
        later.summon(["Attic"])
        assert len(calls(programs)) == 2 and [one.worker.name for one in later.lent()] == ["attic"]
        later.summon()
        assert len(calls(programs)) == 2
    finally:
        later.close()
    poll(lambda: not heft_runs(programs), SECONDS, "the worker's end")


@pytest.mark.parametrize(
    ("host", "kind", "words"),
    [
        ("stranger", FailureKind.CERTIFICATE, "The host key of stranger is not known here"),
        ("changed", FailureKind.CERTIFICATE, "changed shows another host key than before"),
        ("locked", FailureKind.KEY_WRONG, "locked does not let you in without a password."),
        ("empty", FailureKind.NOT_FOUND, "Heft was not found on empty: there is no program 'heft'."),
        ("old", FailureKind.BAD_ANSWER, "The Heft on old is too old for this."),
        ("broken", FailureKind.INTERRUPTED, "'heft worker' on broken ended: "),
        ("engineless", FailureKind.NO_SERVER, "engineless says: There is no engine."),
        ("chatty", FailureKind.INTERRUPTED, "'heft worker' on chatty ended: exit code 0"),
    ],
)
def test_what_keeps_it_from_being_added_is_said_with_what_to_do(
    service: WorkerService, host: str, kind: FailureKind, words: str
) -> None:
    with pytest.raises(HeftError) as refused:
        service.add_by_ssh(f"me@{host}")
    assert refused.value.kind == kind and refused.value.message.startswith(words)
    assert refused.value.hint and refused.value.settings_page == "workers" and not service.all()


@pytest.mark.parametrize("host", ["off", "nameless"])
def test_one_that_is_off_is_kept(service: WorkerService, host: str) -> None:
    found = service.add_by_ssh(f"me@{host}")
    assert not found.reachable and service.all() == (found.worker,)
    assert f"{host} cannot be reached by ssh: ssh: " in reached_words(found)
    assert reached_words(service.look()[0]).endswith(f"See that this works: ssh me@{host}")


def test_without_ssh_there_is_none_of_it(
    service: WorkerService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HeftError) as refused:
        service.add_by_ssh("me@studio.local")
    assert refused.value.kind == FailureKind.MISSING_PROGRAM and "no program 'ssh'" in refused.value.message


def test_a_port_that_is_taken_there_is_tried_again_with_another(service: WorkerService, programs: Path) -> None:
    (programs / "busy").touch()
    assert service.add_by_ssh("me@studio.local").reachable
    ports = {given[given.index("-L") + 1].rpartition(":")[2] for given in calls(programs)}
    assert len(calls(programs)) == 2 and len(ports) == 2


def test_a_connection_that_ends_is_told_and_comes_back_when_it_is_needed(
    service: WorkerService, programs: Path, heard: Heard
) -> None:
    service.add_by_ssh("me@studio.local")
    end_ssh(programs)
    port = int(os.environ[RPC_VARIABLE].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), SECONDS) as engine:
        assert engine.recv(1) == b""
    assert heard.came.wait(SECONDS)
    (told,) = heard.errors
    assert isinstance(told, HeftError) and told.message.startswith("studio does not lend its devices any more. ")
    assert "cannot be reached by ssh" in told.message and RPC_VARIABLE not in os.environ and not service.lent()
    service.summon(["studio"])
    assert service.lent() and len(calls(programs)) == 2


def test_forgetting_it_ends_it(service: WorkerService, programs: Path) -> None:
    service.add_by_ssh("me@studio.local")
    service.remove("studio")
    poll(lambda: not heft_runs(programs), SECONDS, "the worker's end")
    assert not service.all() and RPC_VARIABLE not in os.environ


@pytest.mark.parametrize("target", ["", "-oProxyCommand=touch x", "me@-x", "a b", "me@host;ls", "$(ls)", "ssh://"])
def test_what_is_no_target_is_refused_before_ssh_sees_it(service: WorkerService, programs: Path, target: str) -> None:
    with pytest.raises(UsageError):
        service.add_by_ssh(target)
    assert not calls(programs)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("studio", "studio"),
        ("me@studio.local", "studio.local"),
        ("ssh://me@studio.local:2222", "studio.local"),
        ("me@10.0.0.2", "10.0.0.2"),
        ("me@fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_targets_as_ssh_takes_them(target: str, host: str) -> None:
    assert checked_target(f" {target} ") == target and host_of(target) == host
