"""``heft serve``: its life as a process, what it tells, and what the others ask of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.program import poll
from support.serving import Serving

from desktop.store.paths import Paths

SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def around(heft_home: Path) -> dict[str, str]:
    return {**os.environ, "XDG_RUNTIME_DIR": str(heft_home), "XDG_CONFIG_HOME": str(heft_home / "config")}


def heft(heft_home: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, document and stderr of a command with --json."""
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *arguments, "--json"],
        env=around(heft_home), capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


@contextmanager
def served(heft_home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``heft serve`` as a process of its own, which serves when the block begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "desktop", "serve", *arguments],
        env=around(heft_home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        poll(lambda: heft(heft_home, "serve", "status")[1]["state"] == "on", SECONDS, "the server")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=SECONDS)


@pytest.fixture
def one_process(heft_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process and the commands it starts look for each other at the same place."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(heft_home))


def test_nobody_serves(heft_home: Path) -> None:
    code, told, _ = heft(heft_home, "serve", "status")
    assert code == 0 and (told["state"], told["address"], told["models"]) == ("off", None, [])
    assert told["requests"]["running"] == 0
    code, told, _ = heft(heft_home, "serve", "stop")
    assert code == 0 and told["state"] == "off"


def test_the_key_is_made_printed_and_made_anew(heft_home: Path) -> None:
    code, told, _ = heft(heft_home, "serve", "key")
    assert code == 0 and told["key"].startswith("heft-") and told["kept_in"] == "file"
    assert heft(heft_home, "serve", "key")[1] == told
    assert heft(heft_home, "serve", "key", "--new")[1]["key"] != told["key"]
    plain = subprocess.run(
        [sys.executable, "-m", "desktop", "serve", "key"],
        env=around(heft_home), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert plain.stdout.strip() == heft(heft_home, "serve", "key")[1]["key"], "HEFT_KEY=$(heft serve key)"
    assert "only you can read" in plain.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "status", "--port", "9000"),
        ("serve", "stop", "--network"),
        ("serve", "key", "--install"),
        ("serve", "--new"),
        ("serve", "--port", "80"),
        ("serve", "--port", "x"),
        ("serve", "--install", "--uninstall"),
        ("serve", "begin"),
    ],
)
def test_wrong_use_is_told(heft_home: Path, arguments: tuple[str, ...]) -> None:
    code, told, _ = heft(heft_home, *arguments)
    assert code == 2 and told["error"]["kind"] == "usage"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_cleanly(heft_home: Path, number: signal.Signals) -> None:
    port = free_port()
    with served(heft_home, "--port", str(port), "--json") as process:
        told = heft(heft_home, "serve", "status")[1]
        assert (told["address"], told["served_by"], told["pid"]) == (
            f"http://127.0.0.1:{port}", "command", process.pid,
        )  # fmt: skip
        assert "starter" in {name for model in told["models"] for name in (model["name"], *model["aliases"])}
        code, refused, _ = heft(heft_home, "serve")
        assert code == 1 and f"process {process.pid}" in refused["error"]["message"]
        process.send_signal(number)
        out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0 and "Traceback" not in error
    first = json.loads(out)  # one document, when it began to serve
    assert first["state"] == "on" and first["requests"]["latest"] == []
    assert heft(heft_home, "serve", "status")[1]["state"] == "off"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1.0)


@pytest.mark.engine
def test_the_starter_answers_and_a_running_answer_is_ended_with_words(heft_home: Path) -> None:
    """In the middle of an answer SIGTERM ends the server, its engine and the answer, which says so."""
    port = free_port()
    key = heft(heft_home, "serve", "key")[1]["key"]
    with served(heft_home, "--port", str(port)) as process:
        name = heft(heft_home, "serve", "status")[1]["models"][0]["name"]
        talk = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        question = {"model": name, "messages": [{"role": "user", "content": "Count to 5000."}], "max_tokens": 4000}
        talk.request(
            "POST", "/v1/chat/completions", json.dumps({**question, "stream": True, "ignore_eos": True}),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "User-Agent": "a-test/1"},
        )  # fmt: skip
        answer = talk.getresponse()
        assert answer.status == 200 and answer.readline().startswith(b"data: ")
        told = heft(heft_home, "serve", "status")[1]
        (request,) = told["requests"]["latest"]
        assert (request["client"], request["model"], request["state"]) == ("a-test/1", name, "answering")
        (model,) = [model for model in told["models"] if model["name"] == name]
        assert model["state"] == "answering" and model["answers"] == 1 and model["memory_bytes"] > 0
        engines = psutil.Process(process.pid).children(recursive=True)
        assert any(child.name() == "llama-server" for child in engines)
        process.send_signal(signal.SIGTERM)
        rest = answer.read()
        talk.close()
        _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0 and "Traceback" not in error, error
    assert b"error" in rest or b"[DONE]" in rest
    _, alive = psutil.wait_procs(engines, timeout=SECONDS)
    assert alive == []


def test_a_stop_from_elsewhere_ends_it(heft_home: Path) -> None:
    with served(heft_home, "--port", str(free_port())) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Serving on http://127.0.0.1:") and "this computer only" in said
        assert heft(heft_home, "serve", "stop")[1]["state"] == "off"
        _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0 and "Traceback" not in error
    assert "serve key" in error


def test_one_that_was_killed_leaves_the_place_free(heft_home: Path) -> None:
    port = str(free_port())
    with served(heft_home, "--port", port) as process:
        process.kill()
        process.wait(SECONDS)
        assert heft(heft_home, "serve", "status")[1]["state"] == "off"
    with served(heft_home, "--port", port):
        assert heft(heft_home, "serve", "stop")[1]["state"] == "off"


def test_a_port_that_is_taken_is_told(heft_home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, told, _ = heft(heft_home, "serve", "--port", str(port))
    assert code == 1 and told["error"]["kind"] == "port-taken" and str(port) in told["error"]["message"]
    assert "--port" in told["error"]["hint"]


@pytest.mark.usefixtures("one_process")
def test_what_the_window_serves_is_told_stopped_and_given_a_new_key(paths: Paths, heft_home: Path) -> None:
    serving = Serving(paths)
    serving.service.switch_on()
    try:
        told = heft(heft_home, "serve", "status")[1]
        assert (told["state"], told["address"], told["served_by"], told["pid"]) == (
            "on", "http://127.0.0.1:8321", "window", os.getpid(),
        )  # fmt: skip
        code, told, _ = heft(heft_home, "serve")
        assert code == 1 and told["error"]["kind"] == "busy"
        assert "Heft's window serves already on http://127.0.0.1:8321" in told["error"]["message"]
        key = heft(heft_home, "serve", "key", "--new")[1]["key"]
        assert serving.door.wishes.key == key
        code, told, _ = heft(heft_home, "serve", "stop")
        assert code == 0 and told["state"] == "off" and serving.service.state.phase == "off"
    finally:
        serving.service.close()


def test_it_is_installed_with_its_arguments_and_started(heft_home: Path, tmp_path: Path) -> None:
    tool = tmp_path / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n')
    tool.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "serve", "--install", "--port", "9000", "--json"],
        env=around(heft_home) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["enabled"] and told["started"]
    assert '"serve" "--port" "9000"' in Path(told["unit"]).read_text()
    assert (tmp_path / "calls").read_text().splitlines()[-1] == "--user enable --now heft-serve.service"
