"""No network without the user's act, and no telemetry: start, chat and inspect with every socket forbidden."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import offline
from support.hub_server import BytesContent, HubServer, Repo
from support.program import ANSWER_SECONDS, END_SECONDS, Program, command, poll, window

from desktop import __version__

pytestmark = pytest.mark.engine
TRY = "import socket; socket.socket().connect_ex(('127.0.0.1', 9)); print('tried')"
TOKEN = "hf_nobodyMayHearThis0123456789"
PAGES = ("ctrl+2", "ctrl+4", "ctrl+5", "ctrl+6", "ctrl+7", "ctrl+3")  # all but Discover, the chat last


@pytest.fixture
def around(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """An environment in which the Hub would be asked if anybody did, and what every process tells of its sockets."""
    offline.need_namespace()
    variables, told = offline.hook(tmp_path / "hook")
    return {"HF_HUB_OFFLINE": "0", "HF_TOKEN": TOKEN, **variables}, told


def _alone(arguments: list[str], environment: dict[str, str], counters: Path) -> tuple[str, int]:
    """Run in a namespace of its own; what it printed, and how often it tried to reach anything."""
    counters.mkdir()
    script = f'"$@"; code=$?; cp /proc/self/net/snmp /proc/self/net/snmp6 "{counters}"; exit $code'
    done = subprocess.run(
        [*offline.NAMESPACE, "sh", "-c", script, "sh", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=ANSWER_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, offline.attempts(counters)


def test_an_attempt_is_seen(around: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    environment, told = around
    said, tried = _alone([sys.executable, "-P", "-c", TRY], environment, tmp_path / "counters")
    assert said == "tried\n" and tried > 0
    assert "127.0.0.1" in told.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "MODEL", "--prompt", "Hello", "--max-tokens", "4"),
        ("inspect", "MODEL", "--check"),
        ("fit", "MODEL"),
        ("machine",),
        ("library",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands(
    around: tuple[dict[str, str], Path],
    arguments: tuple[str, ...],
    heft_home: Path,
    small_model: Path,
    tmp_path: Path,
) -> None:
    environment, told = around
    words = [str(small_model) if word == "MODEL" else word for word in arguments]
    said, tried = _alone(command(*words, "--json"), environment, tmp_path / "counters")
    json.loads(said)
    assert not told.exists(), told.read_text()
    assert tried == 0


def look_around(program: Program) -> None:
    """Ask something, and visit every page but Discover while the answer is written."""
    program.focus()
    program.ask("Go on")
    poll(lambda: program.text_length() > 0, ANSWER_SECONDS, "text")
    for keys in PAGES:
        program.xdotool("key", keys)
    length = program.text_length()
    poll(lambda: program.text_length() > length + 40, ANSWER_SECONDS, "more text")


@pytest.mark.xvfb
def test_the_window_without_any_network(
    around: tuple[dict[str, str], Path], display: str, heft_home: Path, endless_model: Path
) -> None:
    environment, told = around
    with window(display, heft_home, [str(endless_model)], environment=environment, prefix=offline.NAMESPACE) as program:
        look_around(program)
        program.xdotool("key", "Escape")
        poll(lambda: not program.rows("assistant", "streaming"), ANSWER_SECONDS, "the end of the answer")
        process = Path(f"/proc/{program.process.pid}")
        assert (process / "ns" / "net").readlink() != Path("/proc/self/ns/net").readlink()
        tried = offline.attempts(process / "net")
        program.xdotool("key", "ctrl+q")
        assert program.process.wait(END_SECONDS) == 0
    assert not told.exists(), told.read_text()
    assert tried == 0


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer([Repo("owner/model-GGUF", {"m-Q4_K_M.gguf": BytesContent(b"GGUF")})]) as server:
        yield server


@pytest.mark.xvfb
def test_only_discover_asks_the_hub_and_only_for_models(
    hub: HubServer, display: str, heft_home: Path, endless_model: Path
) -> None:
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
    with window(display, heft_home, [str(endless_model)], environment=environment) as program:
        look_around(program)
        assert hub.exchanges == []
        program.xdotool("key", "ctrl+1")
        poll(lambda: hub.requests("/api/models"), END_SECONDS, "the search")
        program.xdotool("key", "ctrl+q")
        assert program.process.wait(END_SECONDS) == 0
    assert {exchange.path for exchange in hub.exchanges} == {"/api/models"}
    for exchange in hub.exchanges:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        headers.pop("x-amzn-trace-id", None)  # huggingface_hub's: a fresh random number with every request
        assert set(headers) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert headers["user-agent"] == f"heft/{__version__}"
