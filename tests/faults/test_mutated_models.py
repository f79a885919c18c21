"""Damaged model files in the real engine: it loads, refuses or dies of them within its time; the app goes on.

Damaged headers in Heft's own parser are tests/fuzz/test_gguf_fuzz.py, 40,000 of them with every run.
"""

from __future__ import annotations

import queue
import random
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.desk import Desk
from support.forge import TINY, forge
from support.mutations import mutated

from desktop.core.gguf import BytesSource, read_header

pytestmark = pytest.mark.engine
SEED = 20260603
LOAD_SECONDS = 60.0  # far above what a 20 MB file takes; a hang takes for ever
MOST_BYTES = 2_000_000_000  # of the engine's memory; the sound file needs 0.15 GB


def _damaged(data: bytes, header_end: int, chance: random.Random) -> bytes:
    """Damage in the last kilobytes before the weights (sizes, types, offsets), or anywhere in the header."""
    if chance.randrange(3):
        start = header_end - 3000
        return data[:start] + mutated(data[start:header_end], chance) + data[header_end:]
    return mutated(data[:1200], chance) + data[1200:]


def test_damaged_files_end_in_words(
    desk: Desk, small_model: Path, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    chance = random.Random(SEED)
    data = small_model.read_bytes()
    header = read_header(BytesSource(data))
    ends: dict[str, int] = {"ready": 0, "refused": 0, "died": 0}
    for case in range(rounds(8, 50)):
        path = tmp_path / "damaged.gguf"
        path.write_bytes(_damaged(data, header.data_offset, chance))
        try:
            state = desk.load(path, seconds=LOAD_SECONDS)
        except queue.Empty:
            pytest.fail(f"case {case} of seed {SEED}: the load does not end")
        if state.phase == "ready":
            ends["ready"] += 1
            desk.chat.send(desk.new_chat(max_tokens=3), "Hello")
            assert desk.answered().state in ("complete", "length", "failed", "context-full")
        else:
            failure = state.failure or state.died
            assert failure is not None and failure.message and failure.hint, f"case {case}: {state}"
            ends["died" if state.died else "refused"] += 1
        pid = desk.engine.state.pid
        if pid is not None:
            assert psutil.Process(pid).memory_info().rss < MOST_BYTES, f"case {case} of seed {SEED}"
    assert desk.load(small_model).phase == "ready"
    assert ends["refused"] + ends["died"] > 0, ends


HOSTILE = {
    # name: (template, words the chat says)
    "escape by attributes": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "template"),
    "escape by globals": ("{{ cycler.__init__.__globals__.os.system('touch MARK') }}", "template"),
    "escape by lipsum": ("{{ lipsum.__globals__['os'].popen('touch MARK').read() }}", "template"),
    "escape by import": ("{{ self._TemplateReference__context.environment.__init__.__globals__ }}", "template"),
    "include": ("{% include '/etc/passwd' %}", "template"),
    "loop": ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "did not finish within"),
    "memory": ("{{ 'a' * 10**10 }}", "memory"),
    "memory by a format": ("{{ '%9999999999d' % 1 }}", "memory"),
    "memory by a list": ("{{ range(99999) | list * 99999 }}", "memory"),
    "output": ("{% for i in range(99999) %}{{ 'a' * 9999 }}{% endfor %}", "characters"),
}


def test_hostile_templates_are_stopped_and_the_chat_says_so(
    desk: Desk, vocab_dir: Path, small_model: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    for name, (template, words) in HOSTILE.items():
        text = template.replace("MARK", str(mark))
        path = forge(tmp_path / "t.gguf", TINY, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf", text)
        assert desk.load(path).phase == "ready", name
        chat = desk.new_chat(max_tokens=4)
        desk.chat.send(chat, "Hello")
        answer = desk.answered()
        # ChatML stands in, and the answer says why
        assert answer.state == "length" and words in answer.note and "ChatML" in answer.note, f"{name}: {answer}"
        assert "root:" not in answer.content + answer.note
        assert desk.engine.state.phase == "ready", name
    assert not mark.exists()
    assert desk.load(small_model).phase == "ready"
    desk.chat.send(desk.new_chat(max_tokens=4), "Hello")
    assert desk.answered().state == "length"
