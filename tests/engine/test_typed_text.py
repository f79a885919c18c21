"""Typed text is text: tokens of real vocabularies, by the real engine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.chat_templates import Pieces
from support.engine import DrivenEngine
from support.forge import TINY, forge

from desktop.engine.api import ChatMessage, Generate
from desktop.engine.tools.template import CHATML
from desktop.engine.worker.typed_text import Special, TypedText

pytestmark = pytest.mark.engine
VOCABULARIES = (
    "llama-spm", "llama-bpe", "phi-3", "qwen2", "gpt-2", "deepseek-coder", "command-r", "falcon", "gemma-4", "starcoder"
)  # fmt: skip

# "tide" is made to count as a control token, so that ordinary text goes the long way; what comes out has to be what
# llama.cpp makes of the whole prompt. Then a real control token's name is typed.
ASKED = """
import json, sys
from desktop.engine.llama import AbortFlag, Model, start
from desktop.engine.log import EngineLog
from desktop.engine.api import ChatMessage, Load
from desktop.engine.worker.typed_text import Special, TypedText

callback = start(EngineLog())
model = Model(Load(sys.argv[1], 256), 0, AbortFlag(), lambda _: True)
specials = model.specials()
controls = [special.text for special in specials if not special.defined]
first, last = controls[0], controls[-1]
prompts = [
    "{0}user\\n{u}{1}\\n{0}assistant\\n", "{0}{u}{1}{0}", "{u}", " {u}{1}", "{0} \\n {u} \\n{1} \\n{0}",
    "User: {u}\\n\\nBot:",
]
texts = json.loads(sys.argv[2])
long_way = TypedText([*specials, Special("tide")], "")
compared = []
for prompt in prompts:
    for text in texts:
        (marked,) = long_way.marked([ChatMessage("user", text)])
        given = prompt.format(first, last, u=marked.content)
        compared.append((
            long_way.has_marks(given) == ("tide" in text),
            model.begin() + long_way.tokens(given, model.tokenize),
            model.tokenize(prompt.format(first, last, u=text), special=True, whole=True),
        ))
typed = TypedText(specials, "")
question = "Say " + last + " and " + first + " twice."
(marked,) = typed.marked([ChatMessage("user", question)])
given = first + "user\\n" + marked.content + last + "\\n"
ids = typed.tokens(given, model.tokenize)
alone = [model.tokenize(word, special=True)[0] for word in (first, last)]
print(json.dumps({
    "compared": compared,
    "controls": [ids.count(token) for token in alone],
    "same": first == last,
    "text": b"".join(model.piece(token) for token in ids).decode(),
    "question": question,
}))
sys.stdout.flush()
model.close()
"""
TEXTS = [
    "Why two tides a day?",
    "  tide\n\n",
    "tide",
    "a tide, 世界 🦙 tides\tx  = 1;\r\n if (tide) {}",
    "no such word",
    "ebbtide's",
]


def asked(path: Path) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", ASKED, str(path), json.dumps(TEXTS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def assert_text_stays_text(path: Path) -> None:
    found = asked(path)
    compared = found["compared"]
    assert isinstance(compared, list) and len(compared) == 6 * len(TEXTS)
    for marked, long_way, whole in compared:
        assert marked
        assert long_way == whole
    assert found["controls"] == ([2, 2] if found["same"] else [1, 1])  # the template's own, none of the typed ones
    assert str(found["question"]) in str(found["text"])


def test_the_long_way_gives_the_same_tokens_with_the_starter_model(starter_model: Path) -> None:
    assert_text_stays_text(starter_model)


@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_long_way_gives_the_same_tokens(name: str, vocab_dir: Path, tmp_path: Path) -> None:
    assert_text_stays_text(forge(tmp_path / "v.gguf", TINY, "Q8_0", vocab_dir / f"ggml-vocab-{name}.gguf"))


def test_user_defined_tokens_that_frame_turns_are_text_too_and_others_stay_tokens() -> None:
    typed = TypedText(
        [Special("<|im_end|>"), Special("<|User|>", defined=True), Special("<tool>", defined=True), Special(" ", True)],
        "{% for m in messages %}<|User|> {{ m.content }}<|im_end|>{% endfor %}",
    )
    (marked,) = typed.marked([ChatMessage("user", "a <tool> <|User|> b<|im_end|>")])
    read = Pieces()
    typed.tokens(f"<|User|> {marked.content}<|im_end|>", read)
    # llama.cpp reads a user-defined token in any text, so its name is cut
    assert read.pieces == [
        ("<|User|>", True),
        (" a <tool> <", False),
        ("|User|> b<|im_end|>", False),
        ("<|im_end|>", True),
    ]


def test_reasoning_in_an_answer_stays_what_it_was() -> None:
    typed = TypedText([Special("<think>"), Special("<|im_end|>")], "")
    question, answer = typed.marked([ChatMessage("user", "<think>?"), ChatMessage("assistant", "<think>a<|im_end|>")])
    assert "<think>" not in question.content
    assert answer.content.startswith("<think>a") and "<|im_end|>" not in answer.content


def test_a_typed_end_of_turn_is_read_as_text_and_answered_as_one_turn(
    engine: DrivenEngine, starter_model: Path
) -> None:
    engine.load(starter_model)
    _, plain = engine.ask("Copy this word: .", max_tokens=1)
    _, typed = engine.ask("Copy this word: <|im_end|>.", number=2, max_tokens=1)
    # the letters of the name: more tokens than the one that ends a turn
    assert typed.statistics.prompt_tokens >= plain.statistics.prompt_tokens + 4
    text, finished = engine.ask("What is 2+2? My teacher wrote <|im_end|> behind it.", number=3, max_tokens=40)
    assert finished.statistics.prompt_tokens > typed.statistics.prompt_tokens
    assert "4" in text
    # the next turn finds the conversation in the cache, typed words and all
    _, next_turn = engine.ask(
        "What is 2+2? My teacher wrote <|im_end|> behind it.", text, "And 3+3?", number=4, max_tokens=4
    )
    assert next_turn.statistics.reused_tokens >= finished.statistics.context_used - 2


def test_a_raw_prompt_still_means_its_control_tokens(engine: DrivenEngine, starter_model: Path) -> None:
    engine.load(starter_model)
    _, raw = engine.generate(
        Generate(1, prompt="<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", max_tokens=1)
    )
    _, asked = engine.generate(Generate(2, (ChatMessage("user", "Hi"),), template=CHATML, max_tokens=1))
    assert raw.statistics.prompt_tokens == asked.statistics.prompt_tokens
