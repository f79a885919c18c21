"""``heft measure`` through the real command: what it says before and after, what is kept, a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.program import poll

from desktop.cli import main
from desktop.services.container import Container
from desktop.store import options
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

pytestmark = pytest.mark.engine
Answer = Callable[..., Any]


@pytest.fixture
def answer(heft_home: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory, starter_model: Path) -> dict[str, Path]:
    """The starter model in F16, and a quantized file of that."""
    from desktop.core.quantize_recipe import TARGETS
    from desktop.engine.helper_process import Tool
    from desktop.engine.tools.quantizer import Answer as QuantizerAnswer
    from desktop.engine.tools.quantizer import Quantize

    folder = tmp_path_factory.mktemp("variants")
    made = {name: folder / f"starter-{name}.gguf" for name in ("F16", "Q4_0")}
    tool = Tool[Any]("desktop.engine.tools.quantizer", QuantizerAnswer, folder, folder / "quantizer.log")
    try:
        tool.call(Quantize(str(starter_model), str(made["F16"]), TARGETS["F16"], 2, requantize=True))
        tool.call(Quantize(str(made["F16"]), str(made["Q4_0"]), TARGETS["Q4_0"], 2))
    finally:
        tool.close()
    return made


FEW = ("--context", "64", "--chunks", "4")  # 124 tokens count


def test_a_variant_is_measured_against_its_original_and_the_result_is_kept(
    answer: Answer, variants: dict[str, Path], paths: Paths
) -> None:
    small, whole = str(variants["Q4_0"]), str(variants["F16"])
    said = answer("measure", small, "--against", whole, *FEW, "--dry-run")
    assert said["chunks"] == 4 and said["tokens"] == 124 and "perplexity" not in said
    assert said["expected"]["reference_bytes"] == 20 + 4 * 256 + 2 * (49152 + 4) * 124
    assert said["expected"]["seconds"] > 0 and 0 < said["expected"]["kld_error_part"] < 1
    assert not paths.measurements.exists()
    found = answer("measure", small, "--against", whole, *FEW)
    assert found["perplexity"]["value"] > 1 and found["perplexity"]["error"] > 0
    assert 0 < found["kld"]["mean"] < found["kld"]["p999"] and found["kld"]["error"] > 0
    assert 0.5 < found["top_agreement"]["value"] < 1 and found["probability_difference_rms"]["value"] > 0
    (kept,) = (paths.cache / "references").glob("*.logits")
    assert kept.stat().st_size == said["expected"]["reference_bytes"]
    with Container(paths) as container:
        known = container.measured_of((variants["Q4_0"],))
        assert known is not None and (known.kld, known.text) == (found["kld"]["mean"], "prose")
        assert container.measured_of((variants["F16"],)) is None
        container.library.add_folder(variants["F16"].parent)
    listed = {model["path"]: model["measured_here"] for model in answer("library")["models"]}
    assert listed[small]["kld"] == found["kld"]["mean"] and listed[whole] is None
    before = answer("quantize", whole, "Q4_0", "--dry-run")["measured_here"]
    assert [(one["kld"], one["text"]) for one in before] == [(found["kld"], "prose")]
    assert answer("quantize", whole, "Q8_0", "--dry-run")["measured_here"] == []
    again = answer("measure", small, "--against", whole, *FEW)
    assert again["kld"] == found["kld"]


def test_the_original_is_no_distance_from_its_equal(answer: Answer, variants: dict[str, Path]) -> None:
    found = answer("measure", "starter", "--against", str(variants["F16"]), "--text", "languages", *FEW)
    # F16 holds the dequantized weights of Q4_1 to 11 bits; what differs is that Q4_1 is multiplied in 8 bits
    assert found["kld"]["mean"] < 0.02 and found["top_agreement"]["value"] > 0.9
    alone = answer("measure", "starter", "--text", "code", *FEW)
    assert alone["kld"] is None and alone["reference"] is None and alone["perplexity"]["value"] > 1


def test_what_cannot_be_measured_is_said(
    answer: Answer, variants: dict[str, Path], tmp_path: Path, paths: Paths
) -> None:
    small = str(variants["Q4_0"])
    short, binary = tmp_path / "short.txt", tmp_path / "binary"
    short.write_text("Short.")
    binary.write_bytes(b"\xff\xfe\x00")
    assert answer("measure", small, "--text", str(short), code=1)["error"]["kind"] == "usage"
    assert answer("measure", small, "--text", str(binary), code=1)["error"]["kind"] == "bad-file"
    assert answer("measure", small, "--text", str(tmp_path / "no"), code=1)["error"]["kind"] == "not-found"
    assert answer("measure", small, "--against", small, *FEW, code=2)["error"]["kind"] == "usage"
    assert answer("measure", small, "--chunks", "100000", code=2)["error"]["kind"] == "usage"
    SettingsStore(paths.settings).set(options.REFERENCE_CACHE, 1_000_000)
    refused = answer("measure", small, "--against", str(variants["F16"]), *FEW, code=1)["error"]
    assert refused["kind"] == "disk-full" and "1.0 MB" in refused["message"]


def test_killed_half_way_it_goes_on_where_it_was(answer: Answer, variants: dict[str, Path], paths: Paths) -> None:
    arguments = [
        "measure",
        str(variants["Q4_0"]),
        "--against",
        str(variants["F16"]),
        "--context",
        "64",
        "--chunks",
        "16",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )  # fmt: skip
    head, chunk = 20 + 4 * 64 * 16, 2 * (49152 + 4) * 31

    def begun() -> bool:
        return any(path.stat().st_size > head + 3 * chunk for path in (paths.cache / "references").glob("*.logits"))

    try:
        poll(begun, 240, "the reference's first chunks")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    (kept,) = (paths.cache / "references").glob("*.logits")
    before = kept.read_bytes()
    assert len(before) < head + 16 * chunk  # killed in the middle
    marked = bytearray(before)
    marked[head + 8 : head + 12] = bytes(4)  # two probabilities of the first token, which a new computation would mend
    kept.write_bytes(marked)
    found = answer(*arguments)
    assert kept.read_bytes()[: head + 3 * chunk] == bytes(marked[: head + 3 * chunk])
    assert found["tokens"] == 16 * 31 and 0 < found["kld"]["mean"] < 1 and kept.stat().st_size == head + 16 * chunk
    assert not list((paths.data / "lab").glob("*"))
