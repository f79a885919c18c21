"""Limits of control groups, version 2 and 1, as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path

from desktop.machine.cgroup import Limits, read_limits
from desktop.machine.memory import read_memory

GIB = 1 << 30


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return root


def test_version_2_takes_the_smallest_limit_on_the_way_up(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/heft.scope",
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
            "sys/fs/cgroup/user.slice/heft.scope/cpu.max": "max 100000",
            "sys/fs/cgroup/user.slice/memory.max": "max",
            "sys/fs/cgroup/user.slice/heft.scope/memory.max": str(8 * GIB),
            "sys/fs/cgroup/user.slice/heft.scope/memory.current": str(5 * GIB),
            "sys/fs/cgroup/user.slice/heft.scope/memory.stat": f"anon {3 * GIB}\ninactive_file {2 * GIB}",
        },
    )
    assert read_limits(root) == Limits(cpus=2.0, memory=8 * GIB, memory_available=5 * GIB)


def test_page_cache_of_every_kind_counts_as_available(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/memory.max": str(32 * GIB),
            "sys/fs/cgroup/memory.current": str(29 * GIB),
            "sys/fs/cgroup/memory.stat": f"anon {3 * GIB}\nfile {25 * GIB}\nshmem 0\n"
            f"active_file {15 * GIB}\ninactive_file {10 * GIB}\nslab_reclaimable {GIB}",
        },
    )
    assert read_limits(root).memory_available == 29 * GIB
    assert read_memory(root).total_bytes <= 32 * GIB


def test_version_1_counts_the_cache_of_the_groups_below_too(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(32 * GIB),
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(28 * GIB),
            "sys/fs/cgroup/memory/memory.stat": f"inactive_file 0\nactive_file {GIB}\n"
            f"total_inactive_file {10 * GIB}\ntotal_active_file {15 * GIB}",
        },
    )
    assert read_limits(root).memory_available == 29 * GIB


def test_memory_in_tmpfs_is_not_available(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/memory.max": str(8 * GIB),
            "sys/fs/cgroup/memory.current": str(6 * GIB),
            "sys/fs/cgroup/memory.stat": f"anon 0\nfile {6 * GIB}\nshmem {6 * GIB}\n"
            f"inactive_anon {6 * GIB}\nactive_file 0\ninactive_file 0",
        },
    )
    assert read_limits(root).memory_available == 2 * GIB


def test_version_1_inside_a_container_finds_the_mount_itself(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(4 * GIB),
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GIB),
        },
    )
    assert read_limits(root) == Limits(cpus=1.5, memory=4 * GIB, memory_available=3 * GIB)


def test_no_limit_in_either_version_is_none(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n3:cpu:/\n0::/",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        },
    )
    assert read_limits(root) == Limits()


def test_system_without_control_groups(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == Limits()


def test_memory_counts_the_limit_and_names_it(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "sys/fs/cgroup/memory.max": str(64 << 20),
            "sys/fs/cgroup/memory.current": str(16 << 20),
        },
    )
    memory = read_memory(root)
    assert (memory.total_bytes, memory.available_bytes) == (64 << 20, 48 << 20)
    assert memory.limited_by == "control group"


def test_memory_without_a_limit_is_the_machines(tmp_path: Path) -> None:
    memory = read_memory(tmp_path)
    assert 0 < memory.available_bytes <= memory.total_bytes
    assert memory.limited_by == ""
