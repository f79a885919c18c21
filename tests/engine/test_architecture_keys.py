"""The table of required keys beside the engine: what it misses when a key is left out, and all it knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import gguf_bytes as g

from desktop.services.engine.describing import describe_engine
from desktop.store.paths import Paths
from desktop.system.packaged import read_table

pytestmark = pytest.mark.engine

TABLE = {row["architecture"]: row["keys"].split() for row in read_table("architecture_keys")}
KINDS = ("llama", "gemma3", "phi3", "cohere2", "mamba", "gptneox", "qwen3moe", "apertus")
NO_MODEL = {"gptj"}  # a name without a model behind it: llama_model_mapping has no case for it
LOAD = """
import sys
import llama_cpp.llama_cpp as lib
params = lib.llama_model_default_params()
params.no_alloc, params.load_mode = True, 0
for path in sys.argv[1:]:
    sys.stderr.write(f"FILE {path}\\n")
    sys.stderr.flush()
    assert not lib.llama_model_load_from_file(path.encode(), params)
"""


def _value(key: str) -> tuple[int, object]:
    if key.endswith(("epsilon", "logit_scale", "alpha_n", "alpha_p", "beta", "eps")):
        return g.F32, 0.5
    return (g.BOOL, True) if key.endswith("parallel_residual") else (g.U32, 2)


def _without(folder: Path, architecture: str, left_out: str) -> Path:
    keys = [key.replace("*", architecture, 1) for key in TABLE["*"]] + TABLE[architecture]
    entries = [(key, *_value(key)) for key in keys if key != left_out]
    model = g.Model([("general.architecture", g.STRING, architecture), *entries], [("token_embd.weight", (256, 1), 0)])
    return model.write(folder / f"{architecture}~{left_out}.gguf")


def test_the_engine_misses_each_key_of_the_table(tmp_path: Path) -> None:
    paths = {}
    for architecture in KINDS:
        for key in [key.replace("*", architecture, 1) for key in TABLE["*"]] + TABLE[architecture]:
            paths[str(_without(tmp_path, architecture, key))] = key
    run = subprocess.run([sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr[-2000:]
    missed = {}
    for part in run.stderr.split("FILE ")[1:]:
        told = re.search(r"key not found in model: (\S+)", part)
        missed[part.split("\n", 1)[0]] = told[1] if told else part[-300:]
    assert missed == paths
    assert len(paths) > 30


def test_the_table_has_every_architecture_of_the_engine(paths: Paths) -> None:
    known = set(describe_engine(paths).architectures)
    assert known - NO_MODEL == set(TABLE) - {"*"}
