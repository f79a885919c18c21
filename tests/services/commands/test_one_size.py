"""One file has one number of parameters and one number of bits per weight, whoever is asked; the pages' tests are in
their wings, by the same figures (``tests/support/starter_size.py``)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import driven_engine
from support.hub_server import HubServer
from support.starter_size import BITS_PER_WEIGHT, BITS_SAID, FILE, PARAMETERS, PARAMETERS_SAID, REPO, repo_of_starter

from desktop.core.model_size import ModelSize, size_of


@pytest.fixture
def hub(starter_model: Path) -> Iterator[HubServer]:
    with HubServer([repo_of_starter(starter_model)]) as server:
        yield server


@pytest.mark.engine
def test_commands_and_the_engine_agree(hub: HubServer, heft_home: Path, starter_model: Path, tmp_path: Path) -> None:
    def said(*words: str) -> str:
        environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "desktop", *words], env=environment, capture_output=True, text=True, cwd=heft_home
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    documents = {
        "inspect": json.loads(said("inspect", "starter", "--json")),
        "inspect hf": json.loads(said("inspect", f"hf:{REPO}/{FILE}", "--json")),
        "fit": json.loads(said("fit", "starter", "--estimate", "--json")),
        "variants": json.loads(said("variants", REPO, "--json"))["variants"][0],
        "library": json.loads(said("library", "--json"))["models"][0],
    }
    for command, document in documents.items():
        assert document["parameters"] == PARAMETERS, command
        assert document["bits_per_weight"] == pytest.approx(BITS_PER_WEIGHT, abs=0.0005), command
    told = {
        words: said(*words)
        for words in (("inspect", "starter"), ("fit", "starter", "--estimate"), ("library",), ("variants", REPO))
    }
    for words, text in told.items():
        assert PARAMETERS_SAID in text and "256 M" not in text, words
        assert BITS_SAID in text or words[0] in ("library", "variants"), words
    with driven_engine(tmp_path) as engine:
        engine.hello()
        engine.load(starter_model)
    log = (tmp_path / "logs" / "engine.log").read_text("utf-8")
    assert re.findall(r"model params += ([\d.]+) M", log) == [f"{PARAMETERS / 1e6:.2f}"]
    assert re.findall(r"\(([\d.]+) BPW\)", log) == [f"{BITS_PER_WEIGHT:.2f}"]


def test_what_counts() -> None:
    """Tensors of a type nobody knows are parameters, but neither bits nor weights that have them."""
    found = size_of([("Q4_0", 64), ("F32", 32), ("type 200", 1000)])
    assert found == ModelSize(1096, 36 + 128, 96)
    assert found.bits_per_weight == pytest.approx((36 + 128) * 8 / 96)
    assert size_of([]).bits_per_weight == 0.0
    assert found + ModelSize() == found
