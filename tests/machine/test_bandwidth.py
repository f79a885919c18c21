"""The bandwidth measurement: what it reads, how long it takes, and what is kept of it."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import msgspec
import pytest

from desktop.core.hardware import Cpu
from desktop.machine import bandwidth, child
from desktop.machine.bandwidth import Bandwidth

MIB = 1 << 20
CPU = Cpu(name="Test", physical_cores=2, logical_cores=4, usable_cores=4)


def test_counts_every_byte_it_reads_and_stays_in_time() -> None:
    began = time.perf_counter()
    measured = bandwidth.measure(2, 8 * MIB, rounds=2, seconds=0.02)
    assert time.perf_counter() - began < 20
    assert (measured.threads, measured.array_bytes) == (2, 8 * MIB)
    assert 1e8 < measured.bytes_per_second < 1e13
    assert 0 < measured.cpu_share <= 1.05


def test_caches_shared_by_several_cores_count_once(tmp_path: Path) -> None:
    for cpu, shared in enumerate(("0-1", "0-1", "2-3", "2-3")):
        for index, (level, size) in enumerate((("1", "48K"), ("2", "1024K"), ("3", "32768K"))):
            folder = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
            folder.mkdir(parents=True)
            (folder / "level").write_text(f"{level}\n")
            (folder / "size").write_text(f"{size}\n")
            (folder / "shared_cpu_list").write_text(f"{shared}\n")
    assert bandwidth.last_level_cache(tmp_path) == 64 * MIB


def test_unknown_cache_is_taken_for_a_usual_one(tmp_path: Path) -> None:
    assert bandwidth.last_level_cache(tmp_path) == 32 * MIB


@pytest.mark.parametrize(
    ("cache", "available", "expected"),
    [(32, 24000, 256), (128, 24000, 512), (1024, 64000, 2048), (32, 800, 100)],
)
def test_arrays_exceed_the_cache_but_not_an_eighth_of_free_memory(cache: int, available: int, expected: int) -> None:
    assert bandwidth.array_bytes(cache * MIB, available * MIB) == expected * MIB


def test_measured_in_a_process_of_its_own_below_two_seconds_and_kept(tmp_path: Path) -> None:
    began = time.perf_counter()
    measured = bandwidth.measure_in_child(tmp_path / "cache", "machine-a")
    assert time.perf_counter() - began < 30  # 2 s on an idle machine; other tests may run beside
    assert measured.fingerprint == "machine-a"
    assert measured.array_bytes >= 64 * MIB
    assert bandwidth.cached(tmp_path / "cache", "machine-a") == measured
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["bandwidth.json"]


def test_kept_measurement_of_another_machine_is_not_used(tmp_path: Path) -> None:
    kept = Bandwidth(1e10, "2026-01-01T00:00:00+00:00", 2, 1, fingerprint="machine-a")
    (tmp_path / "bandwidth.json").write_bytes(msgspec.json.encode(kept))
    assert bandwidth.cached(tmp_path, "machine-a") == kept
    assert bandwidth.cached(tmp_path, "machine-b") is None


def measured(rate: float, share: float = 1.0, day: int = 2) -> Bandwidth:
    return Bandwidth(rate, f"2026-01-{day:02}T00:00:00+00:00", 2, 1, share, fingerprint="machine-a")


def test_measurement_on_a_busy_computer_never_replaces_a_better_one() -> None:
    kept = measured(57e9, day=1)
    assert bandwidth.better(kept, measured(37e9, share=0.6)) == kept
    assert bandwidth.better(kept, measured(37e9)).bytes_per_second == 57e9  # a program on another core slows it too
    assert bandwidth.better(kept, measured(58e9, share=0.6)).bytes_per_second == 58e9
    assert bandwidth.better(None, measured(37e9, share=0.6)).bytes_per_second == 37e9
    other = msgspec.structs.replace(measured(37e9), fingerprint="machine-b")
    assert bandwidth.better(kept, other) == other


def test_a_quiet_measurement_ends_the_doubt_about_a_busy_one() -> None:
    busy = bandwidth.better(None, measured(12.7e9, share=0.5))
    assert busy.doubtful
    assert bandwidth.better(busy, measured(20e9, share=0.6)).doubtful
    quiet = bandwidth.better(busy, measured(40e9))
    assert (quiet.bytes_per_second, quiet.doubtful) == (40e9, False)
    same = bandwidth.better(busy, measured(12.6e9))
    assert (same.bytes_per_second, same.doubtful) == (12.7e9, False)
    assert not bandwidth.better(quiet, measured(41e9, share=0.5)).doubtful


def test_several_measurements_in_a_row_that_nothing_disturbed_are_believed() -> None:
    kept = measured(57e9, day=1)
    for rate in (36e9, 38e9):
        kept = bandwidth.better(kept, measured(rate))
        assert kept.bytes_per_second == 57e9
    found = bandwidth.better(kept, measured(37e9, day=5))
    assert (found.bytes_per_second, found.measured_at[:10], found.lower) == (38e9, "2026-01-05", ())
    again = bandwidth.better(bandwidth.better(measured(57e9), measured(40e9)), measured(56.5e9))
    assert (again.bytes_per_second, again.lower) == (57e9, ())


def test_what_is_kept_on_the_disk_is_the_better_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bandwidth.json").write_bytes(msgspec.json.encode(measured(57e9)))
    monkeypatch.setattr(bandwidth, "ask_child", lambda *_what, **_how: measured(37e9, share=0.5))
    assert bandwidth.measure_in_child(tmp_path, "machine-a").bytes_per_second == 37e9
    found = bandwidth.cached(tmp_path, "machine-a")
    assert found is not None and found.bytes_per_second == 57e9


@pytest.mark.parametrize("content", [b"", b"{", b'{"bytes_per_second": "fast"}', b"\xff"])
def test_broken_file_counts_as_not_measured(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bandwidth.json").write_bytes(content)
    assert bandwidth.cached(tmp_path, "machine-a") is None


def test_fingerprint_changes_with_the_machine_only() -> None:
    own = bandwidth.fingerprint(CPU, 16 << 30)
    assert own == bandwidth.fingerprint(CPU, (16 << 30) + 4096)
    assert own != bandwidth.fingerprint(msgspec.structs.replace(CPU, usable_cores=1), 16 << 30)
    assert own != bandwidth.fingerprint(CPU, 32 << 30)


def script(tmp_path: Path, body: str) -> str:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("exec sleep 60", "took longer than 0.2 seconds"),
        ("echo 'no numpy' >&2; exit 3", "failed: no numpy"),
        ("exit 3", "failed: exit code 3"),
        ("echo hello", "gave no answer"),
    ],
)
def test_helper_process_that_fails_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    monkeypatch.setattr("sys.executable", script(tmp_path, body))
    with pytest.raises(child.ChildError, match=words):
        child.ask_child("any.module", Bandwidth, seconds=0.2, what="The measurement")


def test_helper_process_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "missing"))
    with pytest.raises(child.ChildError, match="could not be started"):
        child.ask_child("any.module", Bandwidth, seconds=1, what="The measurement")
