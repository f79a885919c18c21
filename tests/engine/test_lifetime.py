"""The engine never outlives its owner, whichever way the owner ends, and does end when asked."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from support.engine import driven_engine

from desktop.engine.api import Cancel, EngineDied, Event, Finished, Generate, Hello, PromptProgress, Text
from desktop.engine.server.client import EngineClient

pytestmark = pytest.mark.engine

OWNER = """
import sys
from pathlib import Path
from desktop.engine.server.client import EngineClient
from desktop.engine.api import Generate, Load, Text

def heard(event):
    if isinstance(event, Text):
        sys.stdout.write(f"{client.pid}\\n")
        sys.stdout.flush()

client = EngineClient(Path(sys.argv[1]) / "engine.log", Path(sys.argv[1]) / "scratch", heard)
client.send(Load(sys.argv[2], 2048))
client.send(Generate(1, prompt="Once upon a time"))
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_engine_dies_with_its_owner(starter_model: Path, tmp_path: Path, number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), str(starter_model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    engine = psutil.Process(int(owner.stdout.readline()))
    family = [engine, *engine.children(recursive=True)]
    owner.send_signal(number)
    owner.wait(20)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    owner.stdin.close()
    owner.stdout.close()


def test_close_ends_it_even_in_the_middle_of_an_answer(starter_model: Path, tmp_path: Path) -> None:
    with driven_engine(tmp_path) as engine:
        engine.load(starter_model)
        engine.send(Generate(1, prompt="Once upon a time"))
        engine.wait(Text)
        process = psutil.Process(engine.pid)
        family = [process, *process.children(recursive=True)]
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    # closing is not dying: nobody is told of a death
    assert not any(isinstance(event, EngineDied) for event in list(engine.events.queue))


def test_it_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    greeted, died = threading.Event(), threading.Event()
    made: list[EngineClient] = []

    def heard(event: Event | EngineDied) -> None:
        if isinstance(event, Hello):
            greeted.set()
        if isinstance(event, EngineDied):
            died.set()

    def ask() -> None:
        made.append(EngineClient(tmp_path / "engine.log", tmp_path / "scratch", heard))
        made[0].description.describe()

    passing = threading.Thread(target=ask)
    passing.start()
    passing.join()
    try:
        assert greeted.wait(20)
        assert not died.wait(0.5)
    finally:
        made[0].close()


def test_an_engine_that_died_while_idle_answers_the_next_question(starter_model: Path, tmp_path: Path) -> None:
    with driven_engine(tmp_path) as engine:
        engine.load(starter_model)
        os.kill(engine.pid, signal.SIGKILL)
        engine.send(Generate(1, prompt="Once upon a time", max_tokens=2))
        heard = engine.wait(Finished, EngineDied)
    # whichever the engine heard of first
    assert isinstance(heard, Finished | EngineDied)
    if isinstance(heard, Finished):
        assert heard.statistics.generated_tokens == 2
    else:
        assert heard.kind == "killed"


def test_a_stop_while_a_long_prompt_is_read_ends_the_reading_and_keeps_what_was_read(
    starter_model: Path, tmp_path: Path
) -> None:
    prompt = "The tide comes in and the tide goes out. " * 300
    with driven_engine(tmp_path) as engine:
        engine.load(starter_model, 4096)
        engine.send(Generate(1, prompt=prompt, max_tokens=1))
        while engine.wait(PromptProgress).done < 512:  # a step is over, the next under way
            pass
        engine.send(Cancel())
        _, stopped = engine.finish(1)
        _, other = engine.generate(Generate(2, prompt=prompt, max_tokens=1))
    assert stopped.reason == "cancelled" and stopped.statistics.generated_tokens == 0
    assert 512 <= other.statistics.reused_tokens < other.statistics.prompt_tokens - 512
