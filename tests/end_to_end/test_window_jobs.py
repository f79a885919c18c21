"""``heft jobs`` beside the real window: another process sees and steers what the window does."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import BytesContent, HubServer, Repo
from support.program import END_SECONDS, command, ended_cleanly, poll, screen, window

from desktop.services.models.downloads_records import Order, OrderStore
from desktop.store.settings import SettingsStore

pytestmark = pytest.mark.xvfb
FILE = "m-Q4_K_M.gguf"
MODEL = random.Random(9).randbytes(8_000_000)


def test_the_window_s_jobs_are_listed_paused_resumed_and_cancelled(
    tmp_path: Path, heft_home: Path, hub: HubServer
) -> None:
    hub.add(Repo("owner/model", {FILE: BytesContent(MODEL)}))
    hub.bytes_per_second = 500_000
    SettingsStore(heft_home / "settings.json").update(load_at_start=False)
    order = Order(repo="owner/model", name="owner/model Q4_K_M", paths=(FILE,))
    OrderStore(heft_home / "downloads").save(order)
    around = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "XDG_RUNTIME_DIR": str(heft_home.parent)}

    def jobs(*arguments: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*command("jobs", *arguments), "--json"],
            env={**os.environ, **around},
            capture_output=True,
            text=True,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)["jobs"]
        return found

    def state() -> str:
        return ", ".join(job["state"] for job in jobs() if job["id"] == order.id)

    with screen(tmp_path) as display, window(display, heft_home, environment=around) as program:
        poll(lambda: any(job["speed"] for job in jobs()), END_SECONDS, "a download that comes")
        jobs("pause", order.id)
        assert state() == "paused"
        jobs("resume", order.id[:8])
        assert state() in ("queued", "running")
        jobs("cancel", order.id)
        assert jobs() == []
        poll(lambda: not list((heft_home / "downloads").glob("*.json")), END_SECONDS, "the order to go")
        program.focus()
        program.xdotool("key", "ctrl+q")
        ended_cleanly(program, [])
    assert not list((tmp_path / "hf-home").rglob("*.incomplete"))
