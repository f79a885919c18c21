"""``heft machine`` against the contract of docs/cli.md, with the real engine and the real probes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.cli import main

PROFILE = {
    "cpu": {"name": "Ryzen 7", "features": ["AVX2", "F16C"]},
    "memory": {"total_bytes": 32_000_000_000},
    "gpus": [{"name": "NVIDIA GeForce RTX 3060", "total_bytes": 12_884_901_888}],
}


def output(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["machine", *arguments]) == code
    return capsys.readouterr().out


@pytest.mark.engine
def test_json_has_the_fields_of_the_contract(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document: dict[str, Any] = json.loads(output(capsys, "--json"))
    assert document["cpu"]["physical_cores"] >= 1
    assert document["memory"]["bandwidth_bytes_per_second"] > 1e8
    assert "CPU" in document["engine"]["backends"]
    assert len(document["engine"]["architectures"]) > 50
    assert document["engine"]["missing_features"] == []
    assert document["disk"]["free_bytes"] > 0
    for row in document["number_formats"]:
        assert row["support"] in ("native", "converted", "none")
        assert row["note"] and row["source"]


def profile(tmp_path: Path, content: object = PROFILE) -> str:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return str(file)


def test_profile_is_shown_in_the_place_of_this_computer(
    tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(output(capsys, "--profile", profile(tmp_path), "--json"))
    assert document["cpu"]["name"] == "Ryzen 7"
    assert document["gpus"][0]["bandwidth_bytes_per_second"] == 360e9
    assert document["gpus"][0]["architecture"] == "ampere"


def test_words_for_people(tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "--profile", profile(tmp_path), "--notes")
    assert "NVIDIA GeForce RTX 3060" in text
    assert "Loads, but is computed in F32 here" in text
    assert "What it means" in text


def test_broken_profile_is_the_contracts_error(
    tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(output(capsys, "--profile", profile(tmp_path, {"cpu": 1}), "--json", code=1))
    assert document["error"]["kind"] == "bad-profile"
    assert document["error"]["hint"]


def test_profile_and_measurement_exclude_each_other(
    tmp_path: Path, heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(output(capsys, "--profile", profile(tmp_path), "--measure", "--json", code=2))
    assert document["error"]["kind"] == "usage"
