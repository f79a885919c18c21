"""Odd file names, a home that cannot be written, a clock that jumps, a stopped engine: it works, or says why not."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import gguf_bytes
from support.desk import DEADLINE_SECONDS, Desk
from support.plans import plain_plan
from support.program import command

from desktop.core.deadline import Deadline
from desktop.core.errors import StoreError
from desktop.services.chat.events import ChatFailed, MessageFinished, PromptRead, TextAdded
from desktop.services.container import Container
from desktop.services.single_instance import Claim, claim
from desktop.store.chats import ChatStore
from desktop.store.options import LAST_MODEL
from desktop.store.paths import Paths, default_paths
from desktop.store.settings import SettingsStore

ODD = b"mod\xff\xe4-Q4_K_M.gguf"
STOPPED_SECONDS = 0.4


def heft(*arguments: str | bytes, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """The command, of which no traceback may be seen."""
    line: list[str | bytes] = [*command(), *arguments]
    done = subprocess.run(line, capture_output=True, timeout=DEADLINE_SECONDS, env={**os.environ, **(env or {})})
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def answer(*arguments: str | bytes, env: dict[str, str] | None = None) -> Any:
    """The JSON document of a command that went well."""
    done = heft(*arguments, "--json", env=env)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


# -- names of files -----------------------------------------------------------------------------


@pytest.mark.engine
def test_a_name_that_is_no_unicode(paths: Paths, small_model: Path) -> None:
    path = os.fsencode(paths.models) + b"/" + ODD
    paths.models.mkdir(parents=True)
    os.link(small_model, path)
    listed = answer("library")["models"]
    (found,) = [model for model in listed if model["source"] == "heft"]
    assert os.fsencode(found["path"]) == path  # lone surrogates, as Python's own file functions give and take them
    assert found["name"].encode() and found["name"].startswith("mod")
    assert heft("library", env={"PYTHONIOENCODING": "ascii"}).returncode == 0
    assert b"llama" in heft("inspect", path).stdout
    ran = answer("run", path, "--prompt", b"What is \xff?", "--max-tokens", "3")
    assert ran["generated_tokens"] == 3
    missing = heft("inspect", path + b"x", "--json")
    assert missing.returncode == 1 and json.loads(missing.stdout)["error"]["hint"]


@pytest.mark.engine
def test_a_chat_with_such_a_model_is_kept(desk: Desk, small_model: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + ODD))
    path.symlink_to(small_model)
    assert desk.load(path).phase == "ready"
    chat = desk.new_chat(max_tokens=3)
    desk.store.update(chat, model=path.stem, model_path=str(path))
    desk.chat.send(chat, "Hello")
    assert desk.answered().state == "length"
    kept = desk.store.chat(chat)
    assert kept.model_path == str(path) and kept.model.encode()
    assert json.loads(desk.store.export_json(chat)) and desk.store.export_markdown(chat).encode()


def test_settings_say_that_they_cannot_keep_such_a_name(tmp_path: Path) -> None:
    settings = SettingsStore(tmp_path / "settings.json")
    settings.update(last_model="before")
    with pytest.raises(StoreError) as refused:
        settings.update(library_folders=(os.fsdecode(b"/models\xff"),))
    assert "Unicode" in refused.value.message and refused.value.message.encode() and refused.value.hint
    assert settings.get(LAST_MODEL) == "before"


@pytest.mark.engine
def test_paths_as_long_as_the_system_allows(paths: Paths, small_model: Path, tmp_path: Path) -> None:
    """A name of 255 bytes in a path of some 3,900; and below it folders that are too deep to be named."""
    folder = paths.models
    while len(os.fsencode(folder)) < 3_500:
        folder /= "d" * 200
    folder.mkdir(parents=True)
    path = folder / f"{'m' * (255 - len('-Q4_K_M.gguf'))}-Q4_K_M.gguf"
    os.link(small_model, path)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(4):  # beyond PATH_MAX
        os.mkdir("e" * 250, dir_fd=here)
        below = os.open("e" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    listed = answer("library")["models"]
    assert [model["path"] for model in listed if model["source"] == "heft"] == [str(path)]
    assert answer("inspect", str(path))["files"][0]["name"] == path.name
    assert answer("run", str(path), "--prompt", "Hello", "--max-tokens", "2")["generated_tokens"] == 2
    too_long = heft("inspect", f"{path}{'x' * 300}", "--json")
    assert too_long.returncode == 1 and json.loads(too_long.stdout)["error"]["hint"]


# -- homes that cannot be written ---------------------------------------------------------------


@pytest.fixture(params=["read-only", "below a file"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """HEFT_HOME where nothing can be written: a read-only file system with a chat in it, or no folder at all."""
    folder = tmp_path / "home"
    if request.param == "below a file":
        folder.write_bytes(b"")
        folder /= "heft"
        monkeypatch.setenv("HEFT_HOME", str(folder))
        yield folder
        return
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a file system")
    store = ChatStore(folder / "chats.sqlite3")
    store.add(store.create(title="kept").id, None, "user", "from before")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    monkeypatch.setenv("HEFT_HOME", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.engine
def test_a_home_that_cannot_be_written(home: Path, small_model: Path, tmp_path: Path) -> None:
    paths = default_paths()
    assert paths.data == home and not paths.cache.is_relative_to(home)
    sources = [model["source"] for model in answer("library")["models"]]
    assert [source for source in sources if source in ("starter", "heft")] == ["starter"]
    assert answer("inspect", str(small_model))["architecture"] == "llama"
    assert answer("run", str(small_model), "--prompt", "Hello", "--max-tokens", "2")["generated_tokens"] == 2
    told: list[Any] = []
    container = Container(paths, told.append)
    try:
        before = [chat.title for chat in container.chats.chats()]
        assert before == (["kept"] if home.is_dir() else [])
        container.chats.create(title="of now")
        assert [chat.title for chat in container.chats.chats()] == ["of now", *before]
        (error,) = told
        assert "until you quit" in error.message and str(home) in error.hint
        with pytest.raises(StoreError) as refused:
            container.settings.update(theme="dark")
        assert str(home) in refused.value.hint
    finally:
        container.close()


def test_a_runtime_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hand-over to a first window then; a window all the same. One too deep for a socket is not used."""
    with tempfile.NamedTemporaryFile() as file:
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{file.name}/below")
        assert claim(tmp_path, "") == "alone"
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    claimed = claim(tmp_path, "")
    assert isinstance(claimed, Claim) and not Path(claimed.address).is_relative_to(deep)
    claimed.release()


# -- clocks and stopped processes ---------------------------------------------------------------


@pytest.mark.engine
def test_a_clock_that_jumps(desk: Desk, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years ahead, then back before everything: rates come from another clock, the list stays in order."""
    jumps = itertools.cycle((4e9, 1e9, 0.0, 3e9, 1.7e9))
    monkeypatch.setattr(time, "time", lambda: next(jumps) + random.Random(5).random())
    assert desk.load(small_model).phase == "ready"
    chats: list[int] = []
    for _ in range(3):
        chat = desk.new_chat(max_tokens=8)
        desk.chat.send(chat, "Tell me of the sea.")
        done = desk.answered()
        assert done.state == "length"
        figures = done.statistics
        assert figures["tokens_per_second"] > 0 and 0 <= figures["seconds_to_first_token"] < DEADLINE_SECONDS
        chats.insert(0, chat)
    assert [chat.id for chat in desk.store.chats()] == chats
    desk.store.delete(chats[0])
    desk.store.undelete(chats[0])
    assert [message.role for message in desk.store.messages(chats[0])] == ["user", "assistant"]
    while not desk.events.empty():
        event = desk.events.get()
        assert not isinstance(event, ChatFailed)


def stop(pid: int) -> None:
    """Suspend a process for a while, as a debugger or a full memory does."""
    os.kill(pid, signal.SIGSTOP)
    threading.Event().wait(STOPPED_SECONDS)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.engine
def test_a_stopped_engine_goes_on(desk: Desk, small_model: Path) -> None:
    desk.engine.hello()
    desk.engine.load(plain_plan(small_model, 512, name="small"))
    while (pid := desk.engine.state.pid) is None:
        desk.states.get(timeout=DEADLINE_SECONDS)
    stop(pid)
    while desk.engine.state.phase != "ready":
        assert desk.states.get(timeout=DEADLINE_SECONDS).died is None
    chat = desk.new_chat(max_tokens=60)
    desk.chat.send(chat, "Tell me of the sea. " * 10)
    heard: Callable[[type], Any] = lambda kind: desk.wait(kind, DEADLINE_SECONDS)  # noqa: E731
    heard(PromptRead)
    stop(pid)
    first = heard(TextAdded)
    stop(pid)
    received, rates = first.text, [first.tokens_per_second]
    while not isinstance(event := desk.events.get(timeout=DEADLINE_SECONDS), MessageFinished):
        received, rates = received + event.text, [*rates, event.tokens_per_second]
    assert event.message.state == "length" and event.message.content == received
    assert min(rates) >= 0 and event.message.statistics["tokens_per_second"] > 0


def test_a_deadline_does_not_run_while_the_one_who_waits_is_stopped() -> None:
    clock = iter([0.0, 0.4, 3600.0, 3600.5, 3601.0])
    deadline = Deadline(2.0, lambda: next(clock))
    assert [deadline.over() for _ in range(4)] == [False, False, False, True]


# The template, asked a few times, takes a third of a second; whoever waits for it, two seconds at most, is stopped for
# longer.
WAITING = """
import os, sys
from desktop.engine.api import ChatMessage
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import RenderRequest

renderer = Renderer(60.0)
renderer.render(RenderRequest("{{ messages[0].content }}", (ChatMessage("user", "begin"),), "", ""))  # it runs
renderer._deadline = 5.0
sys.stdout.write("ready\\n"); sys.stdout.flush()
loop = "{% for i in range(99999) %}{% if i % 7 %}{% endif %}{% endfor %}"
template = loop * int(sys.argv[1]) + "{{ messages[0].content }}"
result = renderer.render(RenderRequest(template, (ChatMessage("user", "done"),), "", ""))
renderer.close()
sys.stdout.write(repr(result.text + result.error))
"""


def test_whoever_waits_is_stopped_with_the_one_who_works() -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAITING, "1"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "ready\n"
    os.killpg(waiting.pid, signal.SIGSTOP)  # Ctrl+Z
    threading.Event().wait(6.0)  # longer than the renderer may take
    os.killpg(waiting.pid, signal.SIGCONT)
    assert waiting.stdout.read() == "'done'"
    waiting.stdout.close()
    assert waiting.wait() == 0


def test_a_planted_name_is_only_a_name(paths: Paths) -> None:
    """Line ends and control characters in a file name do not steer the terminal that lists it."""
    paths.models.mkdir(parents=True)
    gguf_bytes.model(layers=1).write(paths.models / "a\x1b[2J\nb\u202e-Q4_K_M.gguf")
    listed = heft("library").stdout
    assert b"\x1b" not in listed and "\u202e".encode() not in listed
    (named,) = [model for model in answer("library")["models"] if model["source"] == "heft"]
    assert named["path"].endswith("a\x1b[2J\nb\u202e-Q4_K_M.gguf")
