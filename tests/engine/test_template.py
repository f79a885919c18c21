"""Chat templates of the world render; hostile ones end within their limits."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from desktop.engine.api import ChatMessage
from desktop.engine.tools.prompt_text import render
from desktop.engine.tools.renderer import Renderer
from desktop.engine.tools.template_records import CHATML, RenderRequest

TALK = (
    ChatMessage("system", "Be brief."),
    ChatMessage("user", "Why are there two tides a day?"),
    ChatMessage("assistant", "Because the ocean bulges on both sides."),
    ChatMessage("user", "And <b>why</b>?"),
)


def request(template: str, messages: tuple[ChatMessage, ...] = TALK) -> RenderRequest:
    return RenderRequest(template, messages, "<s>", "</s>")


def test_chatml() -> None:
    assert render(request(CHATML, TALK[:2])).text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWhy are there two tides a day?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_every_published_template_renders_the_conversation(vocab_dir: Path) -> None:
    templates = sorted((vocab_dir / "templates").glob("*.jinja"))
    assert len(templates) > 60
    silent = []
    for path in templates:
        result = render(request(path.read_text(encoding="utf-8")))
        assert not result.error, f"{path.name}: {result.error}"
        if "And <b>why</b>?" not in result.text:
            silent.append(path.name)
    # the question must reach the model, unescaped
    assert not silent


def test_system_prompt_is_merged_where_the_template_refuses_it() -> None:
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
    result = render(request(refuses))
    assert "system" not in result.text
    assert "Be brief.\n\nWhy are there two tides" in result.text
    assert "no system prompt" in result.notes[0]


PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}{{ part.text }}{% endfor %}"
    "<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
USER_PARTS = (
    "{% for m in messages %}[{{ m.role }}]{% if m.role == 'user' %}{% for part in m.content %}"
    "{% if part.type == 'text' %}{{ part['text'] | trim }}{% endif %}{% endfor %}"
    "{% else %}{{ '' + m.content }}{% endif %}{% endfor %}[assistant]"
)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
)


@pytest.mark.parametrize("template", [PARTS, USER_PARTS])
def test_words_that_a_template_wants_as_parts_arrive(template: str) -> None:
    result = render(request(template))
    assert not result.error and not result.notes
    at = [result.text.index(message.content) for message in TALK]
    assert at == sorted(at)
    assert result.text.rstrip().endswith(("assistant", "[assistant]"))
    begun = render(msgspec.structs.replace(request(template, (*TALK, ChatMessage("assistant", "It"))), continues=True))
    assert begun.text == result.text + "It"


def test_a_strict_template_goes_on_after_an_answer_that_was_stopped_empty() -> None:
    stopped = (TALK[0], TALK[1], ChatMessage("assistant", ""), ChatMessage("user", "Still there?"))
    result = render(request(STRICT, stopped))
    assert result.text == "[user]Be brief.\n\nWhy are there two tides a day?\n\nStill there?[assistant]"
    assert "no system prompt" in result.notes[0]


def test_a_system_prompt_that_a_template_leaves_out_in_silence_is_moved() -> None:
    silent = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    result = render(request(silent))
    assert result.text.startswith("[user]Be brief.\n\nWhy are there two tides a day?[assistant]")
    assert "no system prompt" in result.notes[0]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for m in messages %}{{ m.role }}{% endfor %}", "leaves out what you write"),
        ("{{ messages[-1].content[:12] }}", "leaves out what you write"),  # short markers arrive, a question does not
        ("{% for m in messages if m.role != 'assistant' %}{{ m.content }}{% endfor %}", "leaves out earlier answers"),
    ],
)
def test_a_template_that_loses_words_is_never_used_in_silence(template: str, words: str) -> None:
    result = render(request(template))
    assert words in result.error and result.harmless


def test_what_a_template_makes_of_white_space_loses_nothing() -> None:
    squeezed = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim | replace('\n\n', '\n') }}{% endfor %}"
    result = render(request(squeezed, (ChatMessage("user", " One.\n\nTwo.\n"),)))
    assert result.text == "[user]One.\nTwo."


def test_earlier_reasoning_goes_to_templates_that_ask_for_it_and_to_no_other() -> None:
    talk = (ChatMessage("user", "Hi"), ChatMessage("assistant", "<think>\nA guest.\n</think>\n\nHello"), TALK[3])
    result = render(request(CHATML, talk))
    assert "A guest." not in result.text and "<|im_start|>assistant\nHello<|im_end|>" in result.text
    asks = "{% for m in messages %}[{{ m.role }}]{{ m.reasoning_content }}|{{ m.content }}{% endfor %}[assistant]"
    assert render(request(asks, talk)).text == "[user]|Hi[assistant]A guest.|Hello[user]|And <b>why</b>?[assistant]"
    apart = (talk[0], ChatMessage("assistant", "Hello", "A guest."), talk[2])
    for template in (CHATML, asks):
        assert render(request(template, apart)).text == render(request(template, talk)).text
    # the answer that is continued keeps it: the model wrote on from there
    begun = render(msgspec.structs.replace(request(CHATML, talk[:2]), continues=True))
    assert begun.text.endswith("<|im_start|>assistant\n<think>\nA guest.\n</think>\n\nHello")
    goes_on = msgspec.structs.replace(
        request(CHATML, (talk[0], ChatMessage("assistant", "Hello", "A guest."))), continues=True
    )
    assert render(goes_on).text == begun.text
    amid = msgspec.structs.replace(request(CHATML, (talk[0], ChatMessage("assistant", "", "A gu"))), continues=True)
    assert render(amid).text.endswith("<|im_start|>assistant\n<think>\nA gu")


def test_an_answer_is_continued_where_the_template_puts_answers() -> None:
    channels = (
        "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}"
        "<|message|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
    )
    begun = (ChatMessage("user", "Hi"), ChatMessage("assistant", "Hel"))
    result = render(msgspec.structs.replace(request(channels, begun), continues=True))
    assert result.text == "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>final<|message|>Hel"


def test_a_template_that_refuses_everything_says_so() -> None:
    result = render(request("{{ raise_exception('only tools here') }}"))
    assert "only tools here" in result.error
    assert result.text == ""
    assert "only tools here" not in result.plain and result.plain.endswith(".")


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("Conversation roles must alternate user/assistant/user/assistant/...", "take turns"),
        ("System role not supported", "no system prompt"),
        ("Only user and assistant roles are supported!", "does not know everyone who speaks"),
        ("Something went wrong (E42)", "does not take a conversation like this one"),
    ],
)
def test_what_a_template_complains_of_is_said_in_words(complaint: str, words: str) -> None:
    result = render(request("{{ raise_exception('" + complaint + "') }}"))
    assert words in result.plain and complaint not in result.plain and complaint in result.error


def test_a_mistake_in_a_template_is_said_without_its_python() -> None:
    result = render(request("{{ messages.foo.bar }}"))
    assert "Error" in result.error and "Error" not in result.plain and "mistake" in result.plain


@pytest.mark.parametrize(
    "attack",
    [
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ lipsum.__globals__['os'].system('id') }}",
        "{{ '{0.__class__.__base__.__subclasses__}'.format(1) }}",
        "{% set _ = messages.append(1) %}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_escapes_end_in_an_error_and_do_nothing(attack: str) -> None:
    result = render(request(attack))
    assert "uid=" not in result.text
    assert "subclasses" not in result.text
    assert result.error or result.text.strip() == ""


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(deadline_seconds=1.5)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ 'a' * 10**10 }}",
        "{{ '%9999999999d' % 1 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'a' * 1000 }}{% endfor %}",
        "{{ range(10**12) | list }}",
    ],
)
def test_memory_and_time_are_bounded_and_the_next_render_works(renderer: Renderer, attack: str) -> None:
    started = time.monotonic()
    try:
        assert renderer.render(request(attack)).error
        assert time.monotonic() - started < 30
        assert renderer.render(request(CHATML)).text.endswith("assistant\n")
    finally:
        renderer.close()


def test_whoever_asks_for_a_rendering_brings_no_jinja() -> None:
    program = "import sys, desktop.engine.server.client; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
