"""What models of the families write, by scripted models over their real templates: reasoning, calls, plain answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from support.lending import KEY, open_door, served_file
from support.speaker import control_names, parts, speaker

pytestmark = pytest.mark.engine
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Ahoy!"}]
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
THOUGHT, ANSWER = "User greets. Keep it short.", "Hello there, sailor!"
FORMS = [
    ("openai-gpt-oss-120b", "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"),
    ("Mistral-Small-3.2-24B-Instruct-2506", "[THINK]{}[/THINK]{}"),
    ("Qwen-Qwen3-0.6B", "<think>\n{}\n</think>\n\n{}"),
    ("deepseek-ai-DeepSeek-V3.1", "{}</think>{}"),
]


@contextmanager
def client_of(name: str, script: str, vocab_dir: Path, folder: Path) -> Iterator[openai.OpenAI]:
    """A client of a model with this template that says this."""
    template = (vocab_dir / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    controls = control_names(template)
    speaker(folder / "m.gguf", parts(script, controls), template=template, controls=controls)
    with (
        served_file(folder / "m.gguf", folder, "--parallel", "1", context_length=16384) as lender,
        open_door(lender) as door,
        openai.OpenAI(base_url=f"{door.address}/v1", api_key=KEY, max_retries=0) as client,
    ):
        yield client


@pytest.mark.parametrize(("name", "form"), FORMS, ids=[name for name, _ in FORMS])
def test_reasoning_stands_apart(name: str, form: str, vocab_dir: Path, tmp_path: Path) -> None:
    with client_of(name, form.format(THOUGHT, ANSWER), vocab_dir, tmp_path) as client:
        kwargs = {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}
        answer = client.chat.completions.create(model="starter", messages=HELLO, temperature=0, extra_body=kwargs)
        message = answer.choices[0].message
        assert (message.content or "").strip() == ANSWER
        assert (message.model_extra or {})["reasoning_content"].strip() == THOUGHT
        assert answer.usage is not None
        assert answer.usage.completion_tokens_details is not None
        assert 0 < (answer.usage.completion_tokens_details.reasoning_tokens or 0) < answer.usage.completion_tokens
        stream = client.chat.completions.create(
            model="starter", messages=HELLO, temperature=0, stream=True, extra_body=kwargs
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream).strip() == ANSWER


def test_a_tool_is_called_and_its_result_read(vocab_dir: Path, tmp_path: Path) -> None:
    script = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    with client_of("Qwen-Qwen2.5-7B-Instruct", script, vocab_dir, tmp_path) as client:
        answer = client.chat.completions.create(model="starter", messages=HELLO, tools=TOOLS, temperature=0)
        choice = answer.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.tool_calls is not None
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
        assert call.id
        stream = client.chat.completions.create(
            model="starter", messages=HELLO, tools=TOOLS, temperature=0, stream=True
        )
        names, arguments, finish = "", "", None
        for chunk in stream:
            for delta in chunk.choices[0].delta.tool_calls or ():
                assert delta.function is not None
                names += delta.function.name or ""
                arguments += delta.function.arguments or ""
            finish = chunk.choices[0].finish_reason or finish
        assert (names, json.loads(arguments), finish) == ("get_weather", {"city": "Paris"}, "tool_calls")
        turns: list[ChatCompletionMessageParam] = [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": call.id, "content": "rain"},
        ]  # fmt: skip
        again = client.chat.completions.create(model="starter", messages=turns, tools=TOOLS, temperature=0)
        assert again.choices[0].message.tool_calls


@pytest.mark.parametrize("name", ["openai-gpt-oss-120b", "CohereForAI-c4ai-command-r7b-12-2024-tool_use"])
def test_no_word_of_an_answer_without_the_promised_form_is_lost(name: str, vocab_dir: Path, tmp_path: Path) -> None:
    """Their models have to write something before an answer; this one does not."""
    with client_of(name, ANSWER, vocab_dir, tmp_path) as client:
        for tools in ([], TOOLS):
            answer = client.chat.completions.create(model="starter", messages=HELLO, tools=tools, temperature=0)
            assert answer.choices[0].message.content == ANSWER
            stream = client.chat.completions.create(
                model="starter", messages=HELLO, tools=tools, temperature=0, stream=True
            )
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == ANSWER
