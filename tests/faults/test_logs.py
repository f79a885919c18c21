"""Logs: bounded files, no token and no chat in them, nor in the report for an issue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import qVersion
from support.engine import driven_engine
from support.hub_server import BytesContent, HubServer, Repo
from support.program import ANSWER_SECONDS, END_SECONDS, command, poll, window

from desktop.engine.log import FILE_LIMIT_BYTES
from desktop.engine.server.log import START_LIMIT_BYTES, ServerLog
from desktop.services.about import bug_report
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
GIVEN, KEPT = "hf_givenByTheEnvironment0123", "a-mirror's-own-token-0123456789"
MARK = "zanzibarmark"  # typed into a chat
FILE = "m-Q4_K_M.gguf"
TALKATIVE = """
import os, sys
from desktop.engine.log import EngineLog
log = EngineLog()
log.on_log(2, b"x" * 3_000_000 + b"\\n", None)
for number in range(200_000):
    log.on_log(2, b"line %d of many" % number + b" " * 80 * (number < 199_999) + b"\\n", None)
    assert number % 1000 or os.fstat(2).st_size <= int(sys.argv[1]) + 200_000
"""
KEYRING = f"""
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 1
    def get_password(self, service, name): return {KEPT!r}
    def set_password(self, service, name, secret): pass
    def delete_password(self, service, name): pass
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A Hub with a repo for those who have either token."""
    with HubServer([Repo("owner/closed", {FILE: BytesContent(b"GGUF" * 1000)}, {"gated": "auto"})]) as server:
        server.tokens = {GIVEN: {"owner/closed"}, KEPT: {"owner/closed"}}
        yield server


@pytest.fixture(params=["environment", "keyring"])
def tokens(request: pytest.FixtureRequest, hub: HubServer, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A token, and the environment in which Heft finds it."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "kept_tokens.py").write_text(KEYRING)
    online = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    if request.param == "environment":
        return GIVEN, online | {"HF_TOKEN": GIVEN}
    return KEPT, online | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "hook"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHON_KEYRING_BACKEND": "kept_tokens.Keyring",
    }


def _holding(folder: Path, *words: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(word.encode() in path.read_bytes() for word in words)]


@pytest.mark.xvfb
def test_no_token_and_no_chat_is_logged(
    display: str, paths: Paths, small_model: Path, hub: HubServer, tokens: tuple[str, dict[str, str]]
) -> None:
    """Chat, a death of the engine, a search and downloads with a token: then every file is looked through."""
    token, environment = tokens
    get = command("download", "owner/closed", FILE, "--json")
    around = {**os.environ, **environment}
    with window(display, paths.data, [str(small_model)], environment=environment) as program:
        program.focus()
        program.ask(MARK)
        poll(lambda: program.text_length() > 0, ANSWER_SECONDS, "text")
        (engine,) = program.workers()
        assert "HF_TOKEN" not in engine.environ()
        engine.kill()
        poll(lambda: not program.rows("assistant", "streaming"), END_SECONDS, "the end of the answer")
        program.xdotool("key", "ctrl+1")
        poll(lambda: hub.requests("/api/models"), END_SECONDS, "the search")
        hub.fail("redirect-loop", "/resolve/", times=99)
        assert subprocess.run(get, env=around, capture_output=True, timeout=ANSWER_SECONDS).returncode == 1
        hub.heal()
        done = subprocess.run(get, env=around, capture_output=True, text=True, timeout=ANSWER_SECONDS)
        assert done.returncode == 0, done.stdout
        program.xdotool("key", "ctrl+q")
        program.process.wait(END_SECONDS)
    assert any(f"Bearer {token}" in exchange.headers.values() for exchange in hub.exchanges)
    report = bug_report(paths.logs, None, qVersion())
    assert "all slots are idle" in report and "the engine died: killed" in report
    assert f"Heft {program.log().split('Heft ')[1].split()[0]}" in report
    stderr = program.stderr.read_text()
    assert token not in report + stderr + done.stdout and MARK not in report + stderr
    assert _holding(paths.data, token) == []
    chats = {paths.chats, *paths.data.glob("chats.sqlite3-*")}
    assert [path for path in _holding(paths.data, MARK) if path not in chats] == []
    assert _holding(paths.data, MARK)  # the looking finds what is there
    assert {path.name for path in paths.logs.iterdir()} <= {"heft.log", "engine.log", "planner.log"}


def test_the_engine_log_begins_anew_when_it_is_long(paths: Paths, tmp_path: Path) -> None:
    log = paths.logs / "engine.log"
    log.parent.mkdir(parents=True)
    older = b"an older line\n" * (START_LIMIT_BYTES // 14 + 1)
    log.write_bytes(older)
    with driven_engine(paths.cache) as engine:
        engine.hello()
        assert log.stat().st_size < START_LIMIT_BYTES
        assert log.with_suffix(".old.log").read_bytes() == older


def test_the_log_of_a_running_engine_is_bounded(tmp_path: Path) -> None:
    """A process of a model that makes llama.cpp say 20 MB, one line of it 3 MB long."""
    log = tmp_path / "engine.log"
    with log.open("ab") as stderr:
        subprocess.run([sys.executable, "-c", TALKATIVE, str(FILE_LIMIT_BYTES)], stderr=stderr, check=True)
    text = log.read_bytes()
    assert len(text) <= FILE_LIMIT_BYTES and b"\0" not in text
    assert text.endswith(b"line 199999 of many\n") and b"older lines were dropped" in text


def test_the_log_of_a_talkative_server_is_bounded_and_its_last_words_are_told(tmp_path: Path) -> None:
    file = tmp_path / "engine.log"
    log = ServerLog(file)
    log.line("x" * 3_000_000)
    for number in range(100_000):
        log.line(f"line {number} of many" + " " * 80)
    log.line("the last words")
    log.close()
    text = file.read_text()
    assert len(text) <= FILE_LIMIT_BYTES and "older lines were dropped" in text and "\0" not in text
    assert text.endswith("the last words\n") and log.tail.endswith("the last words")
