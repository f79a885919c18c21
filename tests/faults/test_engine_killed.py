"""The engine killed at random moments: the app lives, all text received is kept, the next load works."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.desk import DEADLINE_SECONDS, ENDLESS_CONTEXT, Desk
from support.plans import plain_plan
from support.program import ANSWER_SECONDS, END_SECONDS, Program, poll, window

from desktop.services.chat.events import ChatFailed, MessageFinished, PromptRead, TextAdded

SEED = 20260601
SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)
MOMENTS = ("loading", "reading", "generating", "idling")
LONG_PROMPT = "the tide comes in and the tide goes out " * 120
pytestmark = pytest.mark.engine


def _kill(desk: Desk, number: signal.Signals) -> None:
    while (pid := desk.engine.state.pid) is None:
        desk.states.get(timeout=DEADLINE_SECONDS)
    os.kill(pid, number)


def _death(desk: Desk) -> None:
    """Wait until the service knows; the words are for a person."""
    while True:
        state = desk.states.get(timeout=DEADLINE_SECONDS)
        if state.died is not None:
            assert state.phase == "died" and state.died.message and state.died.hint
            return


def _killed_in_an_answer(desk: Desk, moment: str, number: signal.Signals, after: int) -> None:
    """Ask, kill at ``after`` events of the moment, compare what listeners heard with what is in the store."""
    chat = desk.new_chat(max_tokens=0)
    desk.chat.send(chat, LONG_PROMPT if moment == "reading" else "Tell me of the sea.")
    wanted = PromptRead if moment == "reading" else TextAdded
    received, seen, killed = "", 0, False
    while True:
        event = desk.events.get(timeout=DEADLINE_SECONDS)
        if isinstance(event, TextAdded):
            received += event.text
        if isinstance(event, wanted):
            seen += 1
        read_already = moment == "reading" and isinstance(event, TextAdded)  # in fewer reports than ``after``
        if (seen >= after or read_already) and not killed:
            _kill(desk, number)
            killed = True
        if isinstance(event, MessageFinished):
            break
    _death(desk)
    failed = desk.wait(ChatFailed)
    assert isinstance(failed, ChatFailed) and failed.error.message
    (_, answer) = desk.store.messages(chat)
    assert answer.content == received
    assert answer.state == "failed" and answer.note
    assert moment != "generating" or received


def test_the_services_survive_every_death(
    desk: Desk, small_model: Path, starter_model: Path, rounds: Callable[[int, int], int]
) -> None:
    chance = random.Random(SEED)
    for turn in range(rounds(12, 100)):
        moment, number = MOMENTS[turn % 4], SIGNALS[turn % 3]
        if moment == "loading":
            desk.engine.load(plain_plan(starter_model, 2048, name="starter"))
            threading.Event().wait(chance.random() * 0.5)
            _kill(desk, number)
            _death(desk)
        elif moment == "idling":
            assert desk.load(small_model).phase == "ready"
            threading.Event().wait(chance.random() * 0.2)
            _kill(desk, number)
            _death(desk)
        else:
            assert desk.load(small_model, ENDLESS_CONTEXT).phase == "ready"
            _killed_in_an_answer(desk, moment, number, chance.randrange(1, 4 if moment == "reading" else 30))
    state = desk.load(small_model)
    assert state.phase == "ready" and state.died is None
    desk.chat.send(desk.new_chat(max_tokens=4), "Are you there?")
    assert desk.answered().state == "length"


@pytest.mark.xvfb
def test_the_window_survives_every_death(
    display: str, heft_home: Path, endless_model: Path, rounds: Callable[[int, int], int]
) -> None:
    """The real window: killed while loading, answering or idling, it answers the next question."""
    chance = random.Random(SEED + 1)
    with window(display, heft_home, [str(endless_model)]) as program:
        program.focus()
        for turn in range(rounds(4, 100)):
            (worker,) = poll(program.workers, END_SECONDS, "the engine")
            if turn % 2:
                program.ask("Go on")
                _grown(program, program.text_length() + 40)
            threading.Event().wait(chance.random() * 0.7)
            kept = program.text_length()
            worker.send_signal(SIGNALS[turn % 3])
            worker.wait(END_SECONDS)
            poll(lambda: not program.rows("assistant", "streaming"), END_SECONDS, "the end of the answer")
            assert program.text_length() >= kept
            assert program.process.poll() is None
            program.ask("And now?")  # loads again what was loaded
            if turn % 4 == 3:
                _killed_while_it_loads(program, chance.random() * 0.3)
                program.ask("And now?")
            poll(program.workers, END_SECONDS, "the engine, again")
            _grown(program, kept + 1)
            program.xdotool("key", "Escape")
            poll(lambda: not program.rows("assistant", "streaming"), END_SECONDS, "the stop")
            program.xdotool("key", "ctrl+n")
        assert "ERROR" not in program.log()
        assert "Traceback" not in program.stderr.read_text()


def _killed_while_it_loads(program: Program, seconds: float) -> None:
    (worker,) = poll(program.workers, END_SECONDS, "the engine, again")
    threading.Event().wait(seconds)
    worker.kill()
    worker.wait(END_SECONDS)
    poll(lambda: not program.rows("assistant", "streaming"), END_SECONDS, "the end of the answer")


def _grown(program: Program, length: int) -> None:
    poll(lambda: program.text_length() >= length, ANSWER_SECONDS, "the answer's text")
