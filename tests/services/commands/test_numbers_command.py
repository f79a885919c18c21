"""``heft numbers``: the published example by hand, and what cannot be."""

from __future__ import annotations

import json
import struct
from pathlib import Path

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


@pytest.mark.parametrize("arguments", [[], ["1", "--model", "m", "--tensor", "t"], ["--model", "m"], ["--tensor", "t"]])
def test_whose_numbers_has_to_be_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["numbers", *arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "Whose numbers?"


@pytest.mark.engine
def test_a_tensor_of_the_starter_in_blocks_of_llama_cpp(
    heft_home: Path, starter_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["numbers", "--model", "starter", "--tensor", "blk.0.ffn_down.weight"]
    assert main([*asked, "--format", "Q4_0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bits_per_weight"] == 4.5 and len(found["values"]) == len(found["numbers"]) <= 16_384
    assert found["size_bytes"] == len(found["numbers"]) // 32 * 18 and found["total"] > len(found["numbers"])
    assert found["stored"] and 0 < found["mean_squared_error"] < 1
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_squared_error"] > 0
    assert main(["numbers", *(["0.5"] * 8), "--format", "Q4_0", "--json"]) == 2
    assert "packs 32 numbers" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert main(["numbers", "--model", "starter", "--tensor", "nothing", "--json"]) != 0
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "not-found"


@pytest.mark.engine
def test_q8_0_is_the_published_layout(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ggml-quants.c, quantize_row_q8_0_ref: a half-precision scale d = amax/127 and 32 bytes round(x/d)."""
    numbers = [round(-1.55 + 0.1 * at, 2) for at in range(32)]
    assert main(["numbers", *map(str, numbers), "--format", "Q8_0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scale = struct.unpack("<e", struct.pack("<e", 1.55 / 127))[0]
    assert found["values"] == pytest.approx([round(number / (1.55 / 127)) * scale for number in numbers], rel=1e-6)
    assert found["bits_per_weight"] == 8.5 and found["size_bytes"] == 34
