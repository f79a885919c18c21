"""Templates that are good Jinja and more than llama.cpp's Jinja knows: Heft renders them, and the server answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.families import family, said
from support.speaker import speaker

from desktop.engine.api import ChatMessage
from desktop.engine.server.questions import CHATML_NOTE

pytestmark = pytest.mark.engine

REFUSED = {  # the server does not start with them
    "batch": "{% for ms in messages | batch(2) %}{% for m in ms %}{{ m.role }} {{ m.content }}{% endfor %}{% endfor %}",
    "with": "{% with mark = '#' %}{% for m in messages %}{{ mark ~ m.role ~ m.content }}{% endfor %}{% endwith %}",
    "cycle": "{% for m in messages %}{{ loop.cycle('#', '##') }}{{ m.role }} {{ m.content }}\n{% endfor %}",
}
LOST = {  # it starts, and makes prompts of them without the words
    "format": "{% for m in messages %}{{ '%s: %s' | format(m.role, m.content) }}\n{% endfor %}",
}
OPENS = "{% if add_generation_prompt %}[assistant]{% endif %}"
TEMPLATES = {name: source + OPENS for name, source in (REFUSED | LOST).items()}
TALK = said(
    ("system", "Be brief."), ("user", "Why two tides?"), ("assistant", "The moon."), ("user", "And <b>neap</b>?")
)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_words_arrive_and_are_answered(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    speaker(path, ["<think>", "Sun.", "</think>", "When they pull apart."], template=TEMPLATES[name])
    with family(path, tmp_path, context_length=1024) as held:
        assert held.held.loaded.template == "model"
        prompt = held.prompt(TALK)
        assert [prompt.count(word) for word in ("Be brief.", "Why two tides?", "The moon.", "neap")] == [1, 1, 1, 1]
        assert prompt.endswith("[assistant]")
        heard = held.ask(TALK)
        assert (heard.reasoning, heard.text) == ("Sun.", "When they pull apart.")
        assert CHATML_NOTE not in heard.finished.notes
        begun = held.prompt((*TALK, ChatMessage("assistant", "When")))
        assert begun == f"{prompt}When"


def test_the_switch_of_thinking_reaches_a_template_that_heft_renders(tmp_path: Path) -> None:
    source = TEMPLATES["cycle"] + "{% if not enable_thinking %}<think></think>{% endif %}"
    speaker(tmp_path / "m.gguf", ["Aye."], template=source)
    with family(tmp_path / "m.gguf", tmp_path, context_length=1024) as held:
        assert held.held.loaded.thinking
        assert held.prompt(TALK, thinking=True) + "<think></think>" == held.prompt(TALK, thinking=False)
