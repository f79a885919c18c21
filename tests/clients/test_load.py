"""Load: llama-benchy asks for 1, 4 and 16 answers at a time; none fails, and no figure is lost."""

from __future__ import annotations

import functools
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lending import KEY
from support.other_programs import Package

from desktop.core.gguf import Array, BytesSource, read_header
from desktop.services.serve.door.door import Door
from desktop.system.packaged import FOLDER

pytestmark = [pytest.mark.engine, pytest.mark.slow]
CLIENTS = (1, 4, 16)
PROMPT, GENERATE = 64, 16  # tokens


@pytest.fixture
def book() -> Iterator[str]:
    """The address of a text: it makes its prompts of a book that it fetches."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(FOLDER / "texts"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/prose.txt"
        server.shutdown()
        thread.join()


@pytest.fixture
def tokenizer(starter_model: Path, tmp_path: Path) -> Path:
    """The starter's vocabulary as the library ``tokenizers`` reads it."""
    metadata = read_header(BytesSource(starter_model.read_bytes())).metadata
    found = [metadata[f"tokenizer.ggml.{name}"].data for name in ("tokens", "merges")]
    tokens, merges = ([str(one) for one in array] for array in found if isinstance(array, Array))
    model = {"type": "BPE", "vocab": {token: number for number, token in enumerate(tokens)}, "merges": merges}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"version": "1.0", "model": model, "pre_tokenizer": bytes_, "decoder": bytes_}))
    return path


@pytest.mark.parametrize("package", ["llama-benchy"], indirect=True)
def test_llama_benchy(package: Package, talking: Door, book: str, tokenizer: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [
        sys.executable, "-m", "llama_benchy", "--base-url", f"{talking.address}/v1", "--api-key", KEY,
        "--model", "starter", "--served-model-name", "starter", "--tokenizer", str(tokenizer), "--book-url", book,
        "--pp", str(PROMPT), "--tg", str(GENERATE), "--exact-tg", "--runs", "2", "--no-cache", "--skip-coherence",
        "--concurrency", *map(str, CLIENTS), "--exit-on-first-fail", "--save-result", str(result), "--format", "json",
    ]  # fmt: skip
    done = package.run(command, tmp_path, {"PYTHONPATH": str(package.folder)})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    runs: list[dict[str, Any]] = json.loads(result.read_text())["benchmarks"]
    assert [run["concurrency"] for run in runs] == list(CLIENTS)
    for run in runs:
        assert all(value > 0 for name in ("tg_throughput", "e2e_ttft") for value in run[name]["values"])
