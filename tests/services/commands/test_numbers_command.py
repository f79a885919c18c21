"""``heft numbers``: the published example by hand, and what cannot be."""

from __future__ import annotations

import json

import pytest

from desktop.cli import main

EXAMPLE = ("1.2", "-0.5", "-4.3", "1.2", "-3.1", "0.8", "2.4", "5.4")


def test_the_published_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["numbers", *EXAMPLE, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["groups"][0]["codes"] == [28, -12, -101, 28, -73, 19, 56, 127]
    assert found["bits_per_weight"] == 10 and found["values"][7] == pytest.approx(5.4)
    assert main(["numbers", *EXAMPLE]) == 0
    assert "28 -12 -101 28 -73 19 56 127" in capsys.readouterr().out


def test_nothing_lost_is_null_and_nonsense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["numbers", "1", "2", "--format", "FP32", "--method", "cast", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signal_to_noise_decibels"] is None
    assert main(["numbers", "1", "2", "3", "--columns", "2", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"
    assert main(["numbers", "1", "--format", "NF4", "--method", "zero-point", "--json"]) == 2
    assert main(["numbers", "1", "9", "--outliers", "--json"]) == 0
