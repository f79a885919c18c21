"""What is weighed is what runs: a model set up in Discover runs exactly so, and stays set up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.hub_server import FileContent, HubServer, Repo
from support.program import lead

from desktop.store.options import DOWNLOAD_FOLDER
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

DRIVER = Path(__file__).with_name("picked_window.py")
REPO, SECONDS = "demo/SmolLM2-135M-Instruct-GGUF", 240.0


@pytest.mark.engine
@pytest.mark.parametrize("folder", ["", "models"])
def test_a_model_set_up_in_discover_runs_exactly_so(
    paths: Paths, hub: HubServer, starter_model: Path, tmp_path: Path, folder: str
) -> None:
    """In the Hugging Face cache, and in a folder of the user's own, where its name is another one."""
    small = {"downloads": 5, "likes": 1, "trendingScore": 9, "tags": ["gguf", "license:apache-2.0"]}
    hub.add(Repo(REPO, {starter_model.name: FileContent(starter_model)}, small))
    settings = SettingsStore(paths.settings)
    settings.update(load_at_start=False)
    if folder:
        settings.set(DOWNLOAD_FOLDER, str(tmp_path / folder))
    said = lead(
        DRIVER, display="", folder=tmp_path, seconds=SECONDS, QT_QPA_PLATFORM="offscreen", HF_ENDPOINT=hub.endpoint,
        HF_HUB_OFFLINE="0", XDG_DATA_HOME=str(tmp_path / "share"), HOME=str(tmp_path / "home"),
    )  # fmt: skip
    seen = json.loads(said)
    assert seen["loaded"] == {"context": 16_384, "keys": "q8_0", "values": "q8_0", "threads": 1, "flash": "auto"}
    assert seen["chat"] == seen["row"], "measured as it was planned"
    assert seen["panel"].startswith(f"{seen['row']} / ")
    assert seen["set"] == "16,384" and not seen["offered at first"]
    assert "trained for 8,192" in seen["beyond"] and "trained for 8,192" in seen["notes"]
    assert seen["again"] == {**seen["loaded"], "values": "f16"}
    assert seen["next session"] == ["16,384", "q8_0", "f16"]
