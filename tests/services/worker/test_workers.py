"""Other computers' devices as devices of this one: added by one line, found or not, joined, measured, and gone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.keyrings import MemoryKeyring, memory_keyring
from support.lent_devices import ABOUT, GB, LENT, Heard, Lender, lending

from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.hardware import Gpu
from desktop.core.link import Link
from desktop.core.speed import DeviceSpeed
from desktop.core.speed.device import SpeedSample, TypeSpeed
from desktop.engine.backends import RPC_VARIABLE
from desktop.services.worker.about import About, LentDevice
from desktop.services.worker.words import link_words, reached_words
from desktop.services.worker.workers import WorkerService
from desktop.store.paths import Paths

SECONDS = 20.0
SPEED = DeviceSpeed("calibrated", {"Q4_K": TypeSpeed((SpeedSample(0.0, 1e-11),), 1e-12, 0.1)}, {})


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    monkeypatch.setenv(RPC_VARIABLE, "box:50052")
    with memory_keyring(monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def lender(tmp_path: Path) -> Iterator[Lender]:
    with lending(tmp_path / "far") as made:
        yield made


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def service(paths: Paths, changes: list[str]) -> Iterator[WorkerService]:
    made = WorkerService(paths, lambda: changes.append("changed"))
    yield made
    made.close()
    assert os.environ[RPC_VARIABLE] == "box:50052"  # what was there before is all that is left


def remote(port: int) -> Gpu:
    return Gpu(f"127.0.0.1:{port}", total_bytes=24 * GB, free_bytes=22 * GB, kind="remote", engine_devices=("RPC1",))


def joined_port() -> int:
    return int(os.environ[RPC_VARIABLE].split()[-1].rpartition(":")[2])


def test_it_is_added_by_the_line_and_the_engine_is_told(
    service: WorkerService, lender: Lender, changes: list[str], ring: MemoryKeyring
) -> None:
    found = service.add(f" {lender.pairing.text}\n", "studio")
    assert found.reachable and found.kept == "keyring" and found.worker.name == "studio"
    assert reached_words(found) == "Lends RTX 4090 (22.0 GB free). Its own server is at http://10.0.0.2:8321."
    assert os.environ[RPC_VARIABLE].startswith("box:50052 127.0.0.1:") and changes
    assert list(ring.kept.values()) == [lender.pairing.secret]


def test_the_key_is_in_no_file_that_names_it(service: WorkerService, lender: Lender, paths: Paths) -> None:
    service.add(lender.pairing.text)
    assert lender.pairing.secret not in paths.workers.read_text()
    assert "127" in service.all()[0].name or service.all()[0].name == "127.0.0.1"


@pytest.mark.parametrize(
    "line", ["10.0.0.2:50052", "studio", "", "heft-worker://10.0.0.2:7/short.key", "http://studio:7"]
)
def test_without_its_key_no_computer_is_added(service: WorkerService, line: str) -> None:
    with pytest.raises(UsageError) as refused:
        service.add(line)
    assert "heft worker" in refused.value.hint and not service.all()


def test_a_wrong_key_is_refused_and_nothing_is_kept(
    service: WorkerService, lender: Lender, ring: MemoryKeyring
) -> None:
    wrong = lender.pairing.text[:-4] + "AAAA"
    with pytest.raises(HeftError) as refused:
        service.add(wrong)
    assert refused.value.kind in (FailureKind.KEY_WRONG, FailureKind.INTERRUPTED)
    assert refused.value.settings_page == "workers" and not service.all() and not ring.kept


def test_one_that_is_off_is_kept_and_joined_when_it_comes(service: WorkerService, lender: Lender) -> None:
    lender.shut()
    found = service.add(lender.pairing.text, "studio")
    assert not found.reachable and "No worker answers" in reached_words(found) and "heft worker" in reached_words(found)
    assert os.environ[RPC_VARIABLE] == "box:50052"
    lender.open()
    assert service.look()[0].reachable and service.lent()[0].devices == (LENT,)


def test_what_was_added_is_joined_before_the_engine_is_asked(
    service: WorkerService, lender: Lender, paths: Paths
) -> None:
    service.add(lender.pairing.text, "studio")
    service.close()
    later = WorkerService(paths)
    try:
        assert later.join() and later.lent()[0].worker.name == "studio"
        assert not later.join()  # it is joined already
    finally:
        later.close()


def test_one_out_of_reach_is_not_waited_for_again_at_once(paths: Paths, lender: Lender) -> None:
    now = [0.0]
    service = WorkerService(paths, clock=lambda: now[0])
    try:
        service.add(lender.pairing.text, "studio")
        lender.shut()
        service.test("studio")
        service.close()
        again = WorkerService(paths, clock=lambda: now[0])
        assert not again.join()
        lender.open()
        assert not again.join()  # a minute has not passed
        now[0] = 61.0
        assert again.join()
        again.close()
    finally:
        service.close()


def test_its_devices_bear_names_that_people_know(service: WorkerService, lender: Lender) -> None:
    service.add(lender.pairing.text, "studio")
    own = Gpu("RTX 4070", engine_devices=("CUDA0",))
    named = service.as_lent((own, remote(joined_port())))
    assert named[0] is own
    assert (named[1].name, named[1].worker, named[1].link) == ("RTX 4090 of studio", "studio", None)
    assert service.as_lent((remote(1),))[0].worker == ""  # one that HEFT_RPC names stays as it is


def test_its_own_word_for_its_speed_counts(paths: Paths, tmp_path: Path) -> None:
    quick = LentDevice("RTX 4090", 24 * GB, 22 * GB, SPEED)
    with lending(tmp_path / "far", msgspec.structs.replace(ABOUT, devices=(quick,))) as lender:
        service = WorkerService(paths)
        service.add(lender.pairing.text, "studio")
        (gpu,) = service.as_lent((remote(joined_port()),))
        assert service.speed_of(gpu) == SPEED
        service.close()


def test_the_way_there_is_measured_and_kept(service: WorkerService, lender: Lender, paths: Paths) -> None:
    service.add(lender.pairing.text, "studio")
    link = service.measure("studio", seconds=0.6).link
    assert link is not None and 0 < link.round_trip_seconds < 1 and link.down_bytes_per_second > 1e6
    assert link.measured_at[:2] == "20"
    later = WorkerService(paths)
    assert later.all()[0].link == link
    (gpu,) = service.as_lent((remote(joined_port()),))
    assert gpu.link == link
    assert "ms there and back" in link_words(link) and f"measured {link.measured_at[:10]}" in link_words(link)


def test_a_measurement_takes_no_longer_than_it_may(service: WorkerService, lender: Lender) -> None:
    service.add(lender.pairing.text, "studio")
    began = time.perf_counter()
    service.measure("studio", seconds=0.5)
    assert time.perf_counter() - began < SECONDS


def test_one_that_goes_is_told_and_the_engine_is_not_sent_there(paths: Paths, lender: Lender) -> None:
    heard, changes = Heard(), []
    service = WorkerService(paths, lambda: changes.append(1), heard)
    try:
        service.add(lender.pairing.text, "studio")
        port, before = joined_port(), len(changes)
        lender.shut()
        import socket

        with socket.create_connection(("127.0.0.1", port), SECONDS) as engine:
            assert engine.recv(1) == b""
        assert heard.came.wait(SECONDS)
        (told,) = heard.errors
        assert isinstance(told, HeftError) and told.message.startswith("studio does not lend its devices any more.")
        assert os.environ[RPC_VARIABLE] == "box:50052" and len(changes) > before and not service.lent()
    finally:
        service.close()


def test_another_name_a_taken_one_and_forgetting(service: WorkerService, lender: Lender, ring: MemoryKeyring) -> None:
    service.add(lender.pairing.text, "studio")
    assert service.rename("Studio", "attic").name == "attic" and service.lent()[0].worker.name == "attic"
    for wrong in ("", "a/b", "a,b", "@a", "x" * 50):
        with pytest.raises(UsageError):
            service.rename("attic", wrong)
    service.remove("attic")
    assert not service.all() and not service.lent() and not ring.kept
    with pytest.raises(NotFoundError):
        service.test("attic")


def test_a_line_of_the_same_computer_again_takes_its_place(service: WorkerService, lender: Lender) -> None:
    service.add(lender.pairing.text, "studio")
    service.add(lender.pairing.text)
    assert [one.name for one in service.all()] == ["studio"] and len(service.lent()) == 1


def test_what_a_stranger_says_of_itself_is_cut_to_a_line(paths: Paths, tmp_path: Path) -> None:
    rude = About(ABOUT.machine, (LentDevice("a\nb" * 100, 1, 1),) * 40)
    with lending(tmp_path / "far", rude) as lender:
        service = WorkerService(paths)
        found = service.add(lender.pairing.text, "studio")
        assert len(found.devices) == 16
        assert all("\n" not in one.name and len(one.name) <= 61 for one in found.devices)
        service.close()


def test_words_for_a_way_that_was_not_measured() -> None:
    assert "not measured" in link_words(None)
    assert link_words(Link(0.0004, 117.5e6, 116.25e6, "2026-11-28T10:00:00+00:00")) == (
        "0.4 ms there and back, 940 Mbit/s to it, 930 Mbit/s from it, measured 2026-11-28."
    )
