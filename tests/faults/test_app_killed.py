"""The app killed with SIGKILL while it streams, downloads, scans and writes settings: it goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support import gguf_bytes
from support.hub_server import BytesContent, HubServer, Repo
from support.program import ANSWER_SECONDS, END_SECONDS, Program, poll, window

from desktop.services.models.downloads_records import Order, OrderStore
from desktop.store.chats import ChatStore
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

pytestmark = pytest.mark.engine
SEED = 20260602
FILE = "m-Q4_K_M.gguf"
MODEL = random.Random(3).randbytes(40_000_000)
LOST_SECONDS = 1.0
TESTS = Path(__file__).parents[1]

# Streams an answer, writes settings and scans the library at once, and tells each text it received.
BUSY = """
import json, sys, threading, time
from pathlib import Path
from support.desk import ENDLESS_CONTEXT
from support.plans import plain_plan
from desktop.services.chat.chat import ChatService
from desktop.services.chat.events import TextAdded
from desktop.services.engine.supervisor import EngineService
from desktop.services.models.library import LibraryService
from desktop.store.chats import ChatStore
from desktop.store.paths import default_paths
from desktop.store.settings import SettingsStore

paths = default_paths()
store, settings, engine = ChatStore(paths.chats), SettingsStore(paths.settings), EngineService(paths)
store.recover()
chat = ChatService(store, engine)

def heard(event):
    if isinstance(event, TextAdded):
        sys.stdout.write(json.dumps([engine.state.pid, event.message_id, time.monotonic(), event.text]) + "\\n")
        sys.stdout.flush()

def forever(work):
    def again():
        while True:
            work()
    threading.Thread(target=again, daemon=True).start()

chat.subscribe(heard)
engine.load(plain_plan(sys.argv[1], ENDLESS_CONTEXT, "small"))
forever(lambda: settings.update(theme="dark", last_model="x" * 5000))
library = LibraryService(paths, settings, environ={}, home=Path(sys.argv[2]))
forever(lambda: library.scan())
chat.send(store.create().id, "Tell me of the sea.")
threading.Event().wait()
"""


def _sound(home: Path) -> None:
    """Whatever was being written is whole: databases, settings, orders."""
    for database in home.glob("*.sqlite3"):
        with contextlib.closing(sqlite3.connect(database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    for document in (*home.glob("*.json"), *(home / "downloads").glob("*.json")):
        json.loads(document.read_bytes())
    assert not list(home.glob("*.broken*"))


def _gone(engines: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(engines, timeout=END_SECONDS)
    assert alive == []


def test_services_killed_lose_at_most_a_second(
    paths: Paths, small_model: Path, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    chance = random.Random(SEED)
    models = paths.models
    models.mkdir(parents=True)
    for number in range(60):
        gguf_bytes.model(layers=2).write(models / f"m{number}.gguf")
    for _ in range(rounds(6, 50)):
        busy = subprocess.Popen(
            [sys.executable, "-c", BUSY, str(small_model), str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))},
        )
        assert busy.stdout is not None
        told = [json.loads(busy.stdout.readline()) for _ in range(chance.randrange(1, 30))]
        engine = psutil.Process(told[0][0])
        family = [engine, *engine.children(recursive=True)]
        busy.kill()
        told += [json.loads(line) for line in busy.stdout if line.endswith("\n")]
        busy.wait()
        busy.stdout.close()
        _gone(family)
        _sound(paths.data)
        last = told[-1][2]
        must = "".join(text for _, _, at, text in told if at < last - LOST_SECONDS)
        store = ChatStore(paths.chats)
        assert store.set_aside is None
        store.recover()
        kept = store.message(told[0][1])
        store.close()
        assert kept.state == "interrupted" and kept.content.startswith(must)
        assert "".join(text for _, _, _, text in told).startswith(kept.content)
        SettingsStore(paths.settings).load()
        assert not paths.settings.with_name("settings.json.broken").exists()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer([Repo("owner/model", {FILE: BytesContent(MODEL)})]) as server:
        server.bytes_per_second = 4_000_000
        yield server


def _parts(cache: Path) -> int:
    return sum(part.stat().st_size for part in cache.rglob("*.incomplete"))


@pytest.mark.xvfb
def test_window_killed_starts_again_and_goes_on(
    display: str,
    heft_home: Path,
    small_model: Path,
    tmp_path: Path,
    hub: HubServer,
    rounds: Callable[[int, int], int],
) -> None:
    """Streaming and downloading, and at the start also loading and writing settings, when it is killed."""
    chance = random.Random(SEED + 1)
    models = heft_home / "models"
    models.mkdir()
    shutil.copy(small_model, models)
    cache = tmp_path / "hf-home"
    OrderStore(heft_home / "downloads").save(Order(repo="owner/model", name="Q4_K_M", paths=(FILE,)))
    around = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    arrived = 0
    for turn in range(rounds(3, 50)):
        with window(display, heft_home, [str(models / small_model.name)], environment=around) as program:
            if turn % 3:
                program.focus()
                program.ask("Go on")
                length = program.text_length()
                poll(lambda: program.text_length() > length, ANSWER_SECONDS, "text")  # noqa: B023
            threading.Event().wait(chance.random() * 1.5)
            _killed(program)
        _sound(heft_home)
        whole = [path for path in cache.rglob(FILE) if path.is_file()]
        if whole:
            break  # a slow machine: it arrived in between
        assert _parts(cache) >= arrived  # nothing of it is lost
        arrived = _parts(cache)
    hub.bytes_per_second = None
    with window(display, heft_home, environment=around) as program:
        poll(lambda: [path for path in cache.rglob(FILE) if path.is_file()], ANSWER_SECONDS, "the download")
        _killed(program)
    (arrived_file,) = [path for path in cache.rglob(FILE) if path.is_file()]
    assert arrived_file.read_bytes() == MODEL
    assert arrived > 0
    assert hub.sent_bytes("/cdn/") < 2 * len(MODEL)


def _killed(program: Program) -> None:
    engines = program.workers()
    engines += [child for engine in engines for child in engine.children(recursive=True)]
    os.kill(program.process.pid, 9)
    program.process.wait(END_SECONDS)
    _gone(engines)
