"""Everything a person can press in the window is pressed once: nothing of it raises, warns or is claimed twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.hub_server import HubServer
from support.hub_server_demo import demo_repos
from support.model_files import small_safetensors
from support.program import lead
from support.published import profile as published

from desktop.core.hardware import to_json
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths

DRIVER = Path(__file__).with_name("walked_window.py")
SECONDS = 900.0
ANSWER = """A [link](https://example.org/a), code:

```python
print("hello")
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.mark.engine
def test_nothing_that_can_be_pressed_fails(
    paths: Paths, hub: HubServer, vocab_dir: Path, starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for repo in demo_repos(vocab_dir, starter_model):
        hub.add(repo)
    model, other = g.model(layers=3), g.model(layers=3, general__author="Somebody")
    other.tensors[2] = ("blk.0.ffn_up.weight", (256, 1024), 14)
    for name in ("a", "b", "c"):  # what is removed goes into a trash of the test's own
        model.write(paths.models / f"{name}-Q4_K_M.gguf")
    files = [model.write(tmp_path / "one-Q4_K_M.gguf"), other.write(tmp_path / "two-Q4_K_M.gguf")]
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(small_safetensors())
    profile = tmp_path / "card.json"
    profile.write_bytes(to_json(published("rtx-4060-8gb")))
    store = ChatStore(paths.chats)
    chat = store.create(title="Everything").id
    asked = store.add(chat, None, "user", "Show me everything.").id
    store.add(chat, asked, "assistant", ANSWER, model="one")
    store.close()
    said = lead(
        DRIVER, *map(str, (chat, *files, foreign, profile)), display="", folder=tmp_path, seconds=SECONDS,
        QT_QPA_PLATFORM="offscreen", HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="0",
        XDG_DATA_HOME=str(tmp_path / "share"), HOME=str(tmp_path / "home"),
    )  # fmt: skip
    found = json.loads(said)
    assert found["faults"] == []
    assert found["moved"] == [], "a message moved something"
    assert found["covered"] == [], "a message covered a control at 820x520"
    assert found["silent"] == [], "keys that reach nobody"
    assert len(found["pressed"]) > 500
    text = "\n".join(found["pressed"])
    for part in ("filter_code on", "discoverNear0", "variantTable", "libraryRemoveConfirm", "transcript tabbed", "F1"):
        assert part in text, f"{part} was not reached"
