"""On every page, in the smallest size and in the usual one, at 100%, 150% and 200%, all words can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.hub_server import HubServer
from support.hub_server_content import BytesContent
from support.remote_models import QWEN3_8B, VARIANTS, repo

from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.ui.shell.window import DEFAULT_SIZE, MINIMUM_SIZE

pytestmark = [pytest.mark.xvfb]
SECONDS = 900.0
NAME = "some-owner-of-a-long-name/Qwen3-8B-abliterated-uncensored-long-context-instruct-v2-GGUF"
ANSWER = "Because rivers carry salt into it.\n\n```python\nprint('x' * 200)\n```"
FIGURES = {
    "tokens_per_second": 1234.5,
    "generated_tokens": 131_071.0,
    "seconds_to_first_token": 123.45,
    "given_up_threads": 12.0,
    "drafted_tokens": 120_000.0,
    "accepted_tokens": 74_000.0,
    "plain_tokens_per_second": 1000.0,
    "prompt_tokens_per_second": 12_345.0,
    "context_used": 131_072.0,
    "context_length": 131_072.0,
}
LARGE, SMALL = (1400, 900), (640, 400)  # screens: both sizes fit; 1280x800 pixels at 200%
LEAST = f"{MINIMUM_SIZE.width()}x{MINIMUM_SIZE.height()}"
USUAL = f"{DEFAULT_SIZE.width()}x{DEFAULT_SIZE.height()}"


def offscreen(folder: Path, factor: float, size: tuple[int, int] = LARGE) -> str:
    """Qt's platform with a screen of this size in logical pixels."""
    config = folder / "screen.json"
    screen = {"name": "one", "x": 0, "y": 0, "width": round(size[0] * factor), "height": round(size[1] * factor)}
    config.write_text(json.dumps({"screens": [screen | {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}]}))
    return f"offscreen:configfile={config}"


@pytest.mark.parametrize(
    ("factor", "screen", "sizes", "locale"),
    [
        (1.0, LARGE, (LEAST, USUAL), "C.UTF-8"),
        (1.0, LARGE, (LEAST,), "de_DE.UTF-8"),  # its numbers have separators, and Qt's own words are other ones
        (1.5, LARGE, (LEAST, USUAL), "C.UTF-8"),
        (2.0, LARGE, (LEAST, USUAL), "C.UTF-8"),
        (2.0, SMALL, ("640x360",), "C.UTF-8"),  # less than the least size: pages scroll, rail and status bar stay
    ],
)
def test_everything_can_be_read(
    factor: float,
    screen: tuple[int, int],
    sizes: tuple[str, ...],
    locale: str,
    paths: Paths,
    starter_model: Path,
    hub: HubServer,
    vocab_dir: Path,
    tmp_path: Path,
) -> None:
    paths.models.mkdir(parents=True)
    for name in ("a-model-" + "of-a-very-long-name-" * 8 + "Q4_K_M", "short"):
        g.model(layers=len(name) % 7 + 2).write(paths.models / f"{name}.gguf")
    (paths.models / "broken-and-of-a-long-name-too.gguf").write_bytes(b"GGUF\3")
    store = ChatStore(paths.chats)
    for title in ("A chat about " + "many things " * 15, "Tides"):
        chat = store.create()
        store.update(chat.id, title=title)
        question = store.add(chat.id, None, "user", "Why is the sea salty? " * 12)
        answer = store.add(chat.id, question.id, "assistant", ANSWER, model="a-model-of-another-name-Q4_K_M")
        store.finish(answer.id, "length", FIGURES)
    store.close()
    hub.add(repo(NAME, QWEN3_8B, VARIANTS, vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9))
    for companion, architecture in (("mmproj-", "clip"), ("mtp-", "gemma4-assistant")):
        made = g.model(architecture=architecture, clip__vision__projection_dim=4096).write(tmp_path / "companion.gguf")
        hub.repos[NAME].files[f"{companion}{NAME.rpartition('/')[2]}-F16.gguf"] = BytesContent(made.read_bytes())
    other = g.model(layers=3).write(tmp_path / "other.gguf")
    done = subprocess.run(
        [sys.executable, "-m", "support.cut_window", str(starter_model), str(other), f"hf:{NAME}", "qwen3", *sizes],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": offscreen(tmp_path, factor, screen),
            "QT_SCALE_FACTOR": str(factor),
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_OFFLINE": "0",
            "LC_ALL": locale,
            "PYTHONPATH": f"{Path(__file__).parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {}, json.dumps(found, indent=1, ensure_ascii=False)
