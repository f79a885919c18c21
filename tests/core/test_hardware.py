"""Machine profiles: written and read back, edited, and refused with a reason."""

from __future__ import annotations

import json

import pytest

from desktop.core.hardware import Cpu, Gpu, Machine, Memory, ProfileError, from_json, to_json

MACHINE = Machine(
    cpu=Cpu(name="Ryzen", physical_cores=8, logical_cores=16, features=("AVX2",)),
    memory=Memory(total_bytes=32_000_000_000, available_bytes=20_000_000_000, bandwidth_bytes_per_second=6e10),
    gpus=(Gpu(name="RTX 4090", vendor="nvidia", total_bytes=24_000_000_000, compute_capability="8.9"),),
)


def test_profile_survives_writing_and_reading() -> None:
    document = to_json(MACHINE)
    assert from_json(document) == MACHINE
    assert document.endswith(b"}\n")


def test_names_of_the_contract_are_there() -> None:
    document = json.loads(to_json(MACHINE))
    assert {"cpu", "memory", "gpus", "number_formats", "engine", "disk"} <= set(document)
    assert {"name", "arch", "physical_cores", "logical_cores", "features"} <= set(document["cpu"])
    assert {"total_bytes", "available_bytes", "bandwidth_bytes_per_second"} <= set(document["memory"])
    gpu = {
        "name",
        "vendor",
        "total_bytes",
        "free_bytes",
        "compute_capability",
        "bandwidth_bytes_per_second",
        "probe",
    }
    assert gpu <= set(document["gpus"][0])
    assert {"version", "backends", "architectures"} <= set(document["engine"])
    assert set(document["disk"]) == {"free_bytes"}


def test_short_profile_written_by_hand_gets_defaults() -> None:
    machine = from_json(b'{"cpu": {"name": "x"}, "memory": {"total_bytes": 8000000000}, "gpus": [{"name": "T4"}]}')
    assert machine.memory.total_bytes == 8_000_000_000
    assert machine.gpus[0].free_bytes is None


def test_fields_of_a_later_heft_are_ignored() -> None:
    document = json.loads(to_json(MACHINE))
    document["npu"] = {"name": "later"}
    document["cpu"]["colour"] = "green"
    assert from_json(json.dumps(document).encode()) == MACHINE


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "not a machine profile"),
        (b'{"error": {"kind": "x"}}', "missing required field `cpu`"),
        (b'{"cpu": {"name": "x"}, "memory": {}}', r"total_bytes` - at `\$.memory`"),
        (b'{"cpu": {"name": "x"}, "memory": {"total_bytes": -1}}', r"at `\$.memory.total_bytes`"),
        (b'{"cpu": {"name": "x"}, "memory": {"total_bytes": "8 GB"}}', r"at `\$.memory.total_bytes`"),
        (b'{"cpu": {"name": "x", "physical_cores": 0}, "memory": {"total_bytes": 1}}', "physical_cores"),
        (
            b'{"cpu": {"name": "x"}, "memory": {"total_bytes": 1}, "number_formats": '
            b'[{"format": "F", "device": "d", "support": "maybe", "note": "", "source": ""}]}',
            "Invalid enum value 'maybe'",
        ),
    ],
)
def test_broken_profile_names_what_is_wrong(document: bytes, words: str) -> None:
    with pytest.raises(ProfileError, match=words) as caught:
        from_json(document)
    assert caught.value.kind == "bad-profile"
    assert "heft machine --json" in caught.value.hint
