"""The window serves the starter to other programs: curl and Python's client, by the very lines that the page shows."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from support.program import lead, screen

from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

pytestmark = [pytest.mark.xvfb, pytest.mark.engine]
DRIVER = Path(__file__).with_name("served_window.py")
SECONDS = 300.0


def test_programs_use_the_starter_by_the_lines_that_the_page_shows(paths: Paths, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    SettingsStore(paths.settings).update(load_at_start=False, serve_port=port)
    with screen(tmp_path) as display:
        seen = json.loads(lead(DRIVER, display=display, folder=tmp_path, seconds=SECONDS, HOME=str(tmp_path / "home")))
    assert seen["phase"] == "● on"
    answer = json.loads(seen["curl"])
    assert answer["choices"][0]["message"]["content"].strip() and answer["usage"]["completion_tokens"] > 0
    assert "error" in json.loads(seen["refused"]) and "choices" not in seen["refused"]
    assert seen["python"].strip() and "Traceback" not in seen["python"]
    done = [row for row in seen["requests"] if row[-1] == "done"]
    assert len(done) == 2 and {row[1] for row in done} == {answer["model"]}
    assert "curl" in done[1][0] and "OpenAI" in done[0][0]
    for row in done:
        prompt, first, written, rate = row[3:7]
        assert int(prompt.split()[0]) > 5 and first.endswith(" s") and int(written.replace(",", "")) > 0
        assert float(rate) > 0
    (model,) = [row for row in seen["models"] if row[0].split()[0] == answer["model"]]
    assert model[1] == "● ready" and model[2] == "CPU" and model[3].endswith("MB") and model[-1] == "Unload"
    assert seen["status bar"].startswith("Serving · ")
    assert seen["after"] == "000", "nothing listens any more"
