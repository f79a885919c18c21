"""A supervised process: framing, its end in every way, and what it said last."""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path
from typing import IO

import msgspec
import psutil
import pytest

from desktop.system import supervised
from desktop.system.framing import MAX_BYTES, PipeClosedError, messages, read_message, write_message
from desktop.system.supervised import SupervisedProcess


class Note(msgspec.Struct, frozen=True, tag="note"):
    text: str


NOTES: msgspec.msgpack.Decoder[Note] = msgspec.msgpack.Decoder(Note)

ECHO = """
import sys, msgspec, os, time
from desktop.system.framing import messages, write_message
class Note(msgspec.Struct, frozen=True, tag="note"):
    text: str
decoder = msgspec.msgpack.Decoder(Note)
for note in messages(sys.stdin.buffer, decoder):
    if note.text == "leave": sys.exit(7)
    if note.text == "abort": os.abort()
    if note.text == "rubbish":
        sys.stdout.buffer.write(b"text that leaked into the pipe"); sys.stdout.buffer.flush()
        time.sleep(600)
    if note.text == "stay":
        sys.stderr.write("staying\\n"); sys.stderr.flush()
        write_message(sys.stdout.buffer, note)
        time.sleep(600)
    sys.stderr.write(f"heard {note.text}\\n"); sys.stderr.flush()
    write_message(sys.stdout.buffer, note)
"""


class Led:
    """A process under test, and what came of it."""

    def __init__(self, log_path: Path | None = None) -> None:
        self.heard: list[str] = []
        self.codes: list[int] = []
        self.news = threading.Semaphore(0)
        self.process = SupervisedProcess("echo", self._hear, self._ended, log_path=log_path)

    def _hear(self, stdout: IO[bytes]) -> None:
        for note in messages(stdout, NOTES):
            self.heard.append(note.text)
            self.news.release()

    def _ended(self, code: int, last_words: str) -> None:
        self.codes.append(code)
        self.last_words = last_words
        self.news.release()

    def say(self, text: str) -> None:
        self.process.send(Note(text))
        assert self.news.acquire(timeout=20)


@pytest.fixture(autouse=True)
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "command", lambda _module: [sys.executable, "-c", ECHO])


def test_messages_of_any_text_survive_and_nothing_else_gets_through() -> None:
    pipe = io.BytesIO()
    for text in ("Grüße 🌊", "a file name that is no Unicode: \udcff\x00"):
        write_message(pipe, Note(text))
    pipe.seek(0)
    assert [note.text for note in messages(pipe, NOTES)] == ["Grüße 🌊", "a file name that is no Unicode: \udcff\x00"]
    with pytest.raises(PipeClosedError):
        read_message(io.BytesIO(pipe.getvalue()[:9]), NOTES)
    with pytest.raises(msgspec.DecodeError, match=f"exceeds {MAX_BYTES}"):
        read_message(io.BytesIO(b"\xff\xff\xff\xff and more"), NOTES)
    with pytest.raises(msgspec.DecodeError):
        read_message(io.BytesIO(pipe.getvalue()), NOTES, most_bytes=4)


@pytest.mark.parametrize(("said", "code"), [("leave", 7), ("abort", -6), ("rubbish", -9)])
def test_however_it_ends_its_exit_code_is_told_once(said: str, code: int) -> None:
    led = Led()
    led.say("hello")
    led.say(said)
    assert (led.heard, led.codes) == (["hello"], [code])
    assert led.last_words == led.process.log_tail() == "heard hello\n"
    led.process.send(Note("nobody hears it"))
    assert led.process.kill() == code and not led.process.alive


def test_killed_at_once() -> None:
    led = Led()
    led.say("stay")
    assert led.process.kill() == -9 and led.codes == [-9]


def test_closed_it_is_asked_first_killed_after_a_grace_and_nobody_is_told() -> None:
    polite, deaf = Led(), Led()
    polite.say("hello")
    deaf.say("stay")
    for led in (polite, deaf):
        pid = led.process.pid
        led.process.close(Note("leave"), grace_seconds=0.5)
        assert not psutil.pid_exists(pid) and led.codes == [] and led.process.closing


def test_what_it_wrote_is_in_its_log_and_one_that_does_not_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logs" / "echo.log"
    led = Led(log)
    led.say("hello")
    led.process.kill()
    assert log.read_text() == led.process.log_tail() == "heard hello\n"
    monkeypatch.setattr(supervised, "command", lambda _module: [str(tmp_path / "not there")])
    with pytest.raises(FileNotFoundError):
        Led()


def test_no_other_module_keeps_a_process_it_speaks_to() -> None:
    package = Path(supervised.__file__).parents[1]
    starting = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "subprocess.Popen(" in path.read_text(encoding="utf-8")
    }
    # llama.cpp's server speaks lines and HTTP, its RPC server TCP; the builder runs where nothing is installed yet; the
    # converter is another Python, which only prints; ssh is the system's, and carries the lines of a worker elsewhere
    assert starting == {
        "system/supervised.py", "engine/server/process.py", "engine/tools/rpc_server.py", "engine/builder/compiling.py",
        "engine/converter/process.py", "services/worker/ssh.py",
    }  # fmt: skip
