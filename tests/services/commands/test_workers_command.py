"""``heft workers``: other computers that lend their devices, by the real command."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.keyrings import memory_keyring
from support.lent_devices import Lender, lending
from support.stand_in_ssh import stand_in

from desktop.cli import main
from desktop.engine.backends import RPC_VARIABLE
from desktop.store.paths import Paths


@pytest.fixture
def lender(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lender]:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    with memory_keyring(monkeypatch, tmp_path), lending(tmp_path / "far") as made:
        yield made


def add(monkeypatch: pytest.MonkeyPatch, lender: Lender, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lender.pairing.text + "\n"))
    return main(["workers", "add", "--name", "studio", *arguments])


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_it_is_added_listed_and_forgotten(
    lender: Lender, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(monkeypatch, lender) == 0
    said = capsys.readouterr()
    assert "studio was added." in said.err and "Lends RTX 4090 (22.0 GB free)" in said.out
    assert lender.pairing.secret not in said.out + said.err
    assert main(["workers", "--json"]) == 0
    (one,) = document(capsys)["workers"]
    assert one["name"] == "studio" and one["reachable"] and one["link"] is None
    assert one["devices"][0]["name"] == "RTX 4090" and one["serves"] == "http://10.0.0.2:8321"
    assert main(["workers", "rename", "studio", "attic"]) == 0
    assert main(["workers", "remove", "attic"]) == 0
    assert "No other computers." in capsys.readouterr().out


def test_one_that_is_off_is_said_with_what_to_do(
    lender: Lender, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(monkeypatch, lender)
    lender.shut()
    capsys.readouterr()
    assert main(["workers", "test", "studio"]) == 1
    assert "No worker answers" in capsys.readouterr().out
    assert main(["workers", "measure", "studio", "--json"]) == 1
    assert document(capsys)["error"]["kind"] == "unreachable"


def test_the_way_is_measured(
    lender: Lender, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(monkeypatch, lender)
    monkeypatch.setattr("desktop.services.worker.workers.LINK_SECONDS", 0.5)
    capsys.readouterr()
    assert main(["workers", "measure", "studio", "--json"]) == 0
    (one,) = document(capsys)["workers"]
    assert one["link"]["round_trip_seconds"] > 0 and one["link"]["measured_at"]


def test_one_is_added_by_ssh_and_says_so(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(RPC_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{stand_in(tmp_path / 'programs')}:/usr/bin:/bin")
    assert main(["workers", "add", "--ssh", "me@studio.local"]) == 0
    said = capsys.readouterr()
    assert "studio was added." in said.err and "studio  me@studio.local, by ssh" in said.out
    assert "Lends RTX 4090" in said.out
    assert main(["workers", "add", "--ssh", "me@studio.local", "--ssh-heft", "/opt/heft/heft", "--json"]) == 1
    error = document(capsys)["error"]
    assert error["kind"] == "not-found" and "no program '/opt/heft/heft'" in error["message"]
    assert "--ssh-heft PATH" in error["hint"]
    assert main(["workers", "--json"]) == 0
    (one,) = document(capsys)["workers"]
    assert one["ssh"] == one["address"] == "me@studio.local" and one["reachable"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add",),
        ("test",),
        ("rename", "a"),
        ("remove", "a", "b"),
        ("weigh",),
        ("test", "nobody"),
        ("test", "a", "--ssh", "b"),
        ("add", "--ssh-heft", "heft"),
        ("add", "--ssh", "-oX=y"),
    ],
)
def test_what_is_wrong_is_said(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["workers", *arguments]) in (1, 2)
    assert capsys.readouterr().err
