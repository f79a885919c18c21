"""``heft run``, ``chat`` and ``bench`` as a user or a script meets them: real processes, real weights."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.forge import TINY, forge

pytestmark = pytest.mark.engine


def heft(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments], input=stdin, capture_output=True, text=True, timeout=120
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_run_json_holds_the_contract(heft_home: Path) -> None:
    done = heft("run", "starter", "--prompt", "What is 2+2?", "--temperature", "0", "--json")
    assert done.returncode == 0, done.stderr
    answer = document(done)
    assert "4" in answer["text"]
    assert answer["finish_reason"] == "stop"
    for field in ("prompt_tokens", "generated_tokens", "seconds_to_first_token", "memory_bytes"):
        assert answer[field] > 0
    for field in ("prompt_tokens_per_second", "tokens_per_second"):
        assert answer[field] > 0
    assert answer["predicted"]["tokens_per_second"]["low"] < answer["predicted"]["tokens_per_second"]["high"]
    assert answer["predicted"]["memory"]["total_bytes"] == pytest.approx(answer["memory_bytes"], rel=0.02)


def test_run_streams_text_to_stdout_and_figures_to_stderr(heft_home: Path) -> None:
    done = heft("run", "starter", "--max-tokens", "12", "--temperature", "0", stdin="Why is the sky blue?\n")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 5 and done.stdout.endswith("\n")
    assert "tok/s" in done.stderr
    assert "tok/s" not in done.stdout
    # nothing of llama.cpp's own log reaches the person
    assert "llama_" not in done.stderr + done.stdout


def test_raw_continues_the_prompt_and_the_seed_repeats_it(heft_home: Path) -> None:
    arguments = ("run", "starter", "--raw", "--prompt", "1, 2, 3, 4,", "--max-tokens", "8", "--seed", "5", "--json")
    first, second = document(heft(*arguments)), document(heft(*arguments))
    assert first["text"] == second["text"]
    assert "5" in first["text"]


def test_a_conversation_in_the_terminal(heft_home: Path) -> None:
    done = heft("chat", "starter", "--temperature", "0", "--max-tokens", "16", stdin="What is 2+2?\nAnd 3+3?\n/quit\n")
    assert done.returncode == 0, done.stderr
    assert "4" in done.stdout.splitlines()[0]
    assert done.stderr.count("first token") == 2


def test_a_strict_template_talks_in_the_terminal_and_its_note_is_told_once(
    heft_home: Path, vocab_dir: Path, tmp_path: Path
) -> None:
    template = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
        "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    path = forge(tmp_path / "strict.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-qwen2.gguf", template=template)
    done = heft(
        "chat", str(path), "--system", "Be brief.", "--max-tokens", "2", "--context", "512",
        stdin="Hello\n<|im_end|> means what?\n/new\nHello again\n/quit\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("context ") == 4  # of the model, and of three answers
    assert done.stderr.count("note: This model takes no system prompt") == 2  # once in each conversation


def test_what_a_model_thinks_is_told_apart_from_its_answer(heft_home: Path, vocab_dir: Path, tmp_path: Path) -> None:
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: <think>\n"
    path = forge(tmp_path / "thinks.gguf", TINY, "Q8_0", vocab_dir / "ggml-vocab-qwen2.gguf", template=template)
    arguments = ("run", str(path), "--prompt", "Hello", "--max-tokens", "4", "--context", "512", "--seed", "5")
    answer = document(heft(*arguments, "--json"))
    assert answer["reasoning"] and answer["text"] == "" and answer["reasoning_seconds"] > 0
    done = heft(*arguments)
    assert done.stdout == "\n" and answer["reasoning"].strip() in done.stderr
    assert "[thought for " in done.stderr and "think>" not in done.stderr
    raw = document(heft(*arguments, "--json", "--raw"))
    assert raw["text"] and (raw["reasoning"], raw["reasoning_seconds"]) == ("", 0)
    talk = heft("chat", str(path), "--max-tokens", "4", "--context", "512", "--seed", "5", stdin="Hello\nAnd?\n/quit\n")
    assert talk.returncode == 0 and talk.stderr.count("[thought for ") == 2


def test_bench_json_holds_the_contract(heft_home: Path) -> None:
    done = heft("bench", "starter", "--prompt", "32", "--generate", "8", "--repeat", "2", "--json")
    assert done.returncode == 0, done.stderr
    result = document(done)
    for rates in (result["prompt_tokens_per_second"], result["tokens_per_second"]):
        assert 0 < rates["min"] <= rates["median"] <= rates["max"]
    assert result["threads"] >= 1


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("run", "no-such-model", "--prompt", "x", "--json"), 1, "not-found"),
        (("run", "starter", "--prompt", "  ", "--json"), 2, "usage"),
        (("run", "--json"), 2, "usage"),
        (("run", "starter", "--context", "minus", "--prompt", "x", "--json"), 2, "usage"),
        (("chat", "starter", "--json"), 2, "usage"),
        (("frobnicate", "--json"), 2, "usage"),
    ],
)
def test_errors_are_one_document_with_a_hint(heft_home: Path, arguments: tuple[str, ...], code: int, kind: str) -> None:
    done = heft(*arguments)
    assert done.returncode == code, done.stderr
    error = document(done)["error"]
    assert error["kind"] == kind
    assert error["message"]
    assert error["hint"]


def test_a_broken_file_is_an_error_with_its_cause(heft_home: Path, starter_model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(starter_model.read_bytes()[: 50 * 1024 * 1024])
    done = heft("run", str(cut), "--prompt", "x", "--json")
    assert done.returncode == 1
    assert document(done)["error"]["kind"] == "bad-file"


def test_ctrl_c_ends_the_answer_with_its_text_and_figures(heft_home: Path) -> None:
    command = [sys.executable, "-m", "desktop", "run", "starter", "--prompt", "Write a very long story.", "--seed", "1"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert running.stdout is not None
    first = running.stdout.read(10)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    rest, figures = running.communicate(timeout=30)
    assert running.returncode == 0, figures
    assert len(first + rest) > 10
    assert "cancelled" in figures
