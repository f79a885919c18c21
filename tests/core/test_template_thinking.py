"""What published chat templates let a person say about thinking, and hostile ones that are not run for it."""

from __future__ import annotations

import pytest
from support.chat_templates import template_files

from desktop.core.template_syntax import MAX_CHARACTERS
from desktop.core.template_thinking import thinking_of
from desktop.core.thinking import NO_THINKING, Thinking

SOURCES = {path.stem: path.read_text("utf-8") for path in template_files()}
SWITCH, THINKING = Thinking("enable_thinking"), Thinking("thinking")
LEVELS = ("low", "medium", "high")

# Each published template that knows of a switch or of levels; all others know neither.
KNOWN = {
    "Apertus-8B-Instruct": SWITCH,
    "Bielik-11B-v3.0-Instruct": SWITCH,
    "ByteDance-Seed-OSS": Thinking("thinking_budget", -1, 0),
    "Cohere2MoE": Thinking("reasoning"),
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": SWITCH,
    "GLM-4.6": SWITCH,
    "GLM-4.7-Flash": SWITCH,
    "HuggingFaceTB-SmolLM3-3B": SWITCH,
    "Kimi-K3": Thinking("thinking", effort="thinking_effort", efforts=("low", "high", "max")),
    "MiniMax-M3": Thinking("thinking_mode", "enabled", "disabled"),
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": SWITCH,
    "Qwen-QwQ-32B": SWITCH,
    "Qwen-Qwen3-0.6B": SWITCH,
    "Qwen3.5-4B": SWITCH,
    "Reka-Edge": SWITCH,
    "Spark2.5": SWITCH,
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": SWITCH,
    "deepseek-ai-DeepSeek-V3.1": THINKING,
    "deepseek-ai-DeepSeek-V3.2": THINKING,
    "deepseek-ai-DeepSeek-V4-Flash-0731": Thinking("thinking", effort="reasoning_effort", efforts=("high", "max")),
    "deepseek-ai-DeepSeek-V4": Thinking("thinking", effort="reasoning_effort", efforts=("max",)),
    "google-gemma-4-31B-it": SWITCH,
    "google-gemma-4-31B-it-interleaved": SWITCH,
    "ibm-granite-granite-3.3-2B-Instruct": THINKING,
    "inclusionai-ling-3.0-flash": SWITCH,
    "llama-cpp-rwkv-world": SWITCH,
    "muse-glimmer": Thinking(effort="reasoning_strength", efforts=LEVELS),
    "openai-gpt-oss-120b": Thinking(effort="reasoning_effort", efforts=LEVELS),
    "openbmb-MiniCPM5-1B": SWITCH,
    "poolside-Laguna-S-2.1": SWITCH,
    "poolside-Laguna-XS-2.1": SWITCH,
    "poolside-Laguna-XS.2": SWITCH,
    "tencent-Hy3": Thinking("reasoning_effort", "high", "no_think", "reasoning_effort", ("low", "high")),
    "upstage-Solar-Open-100B": Thinking(effort="reasoning_effort", efforts=("minimal", "low", "high")),
}


def test_the_table_names_published_templates() -> None:
    assert set(KNOWN) <= set(SOURCES)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_published_templates(name: str) -> None:
    assert thinking_of(SOURCES[name]) == KNOWN.get(name, NO_THINKING)


@pytest.mark.parametrize(
    ("thinking", "effort", "arguments"),
    [
        (None, "", {}),
        (True, "", {"enable_thinking": True, "reasoning_effort": "high"}),
        (False, "", {"enable_thinking": False, "reasoning_effort": "no_think"}),
        (False, "low", {"enable_thinking": False, "reasoning_effort": "no_think"}),
        (True, "low", {"enable_thinking": True, "reasoning_effort": "low"}),
        (None, "low", {"reasoning_effort": "low"}),
        (None, "enormous", {}),
    ],
)
def test_a_switch_and_levels_that_are_one_variable(
    thinking: bool | None, effort: str, arguments: dict[str, object]
) -> None:
    assert KNOWN["tencent-Hy3"].arguments(thinking, effort) == arguments


def test_a_variable_goes_by_the_template_s_own_name_and_by_the_server_s() -> None:
    assert KNOWN["ByteDance-Seed-OSS"].arguments(False, "") == {"thinking_budget": 0, "enable_thinking": False}
    assert THINKING.arguments(True, "high") == {"thinking": True, "enable_thinking": True}
    assert NO_THINKING.arguments(True, "high") == {}


@pytest.mark.parametrize(
    "source",
    [
        "{% set enable_thinking = false %}{% if enable_thinking %}<think>{% endif %}",  # an uploader has fixed it
        "{% for m in messages %}{% set thinking = m.thinking %}{% if thinking %}{{ thinking }}{% endif %}{% endfor %}",
        "{% for m in messages %}{% if m.r %}{% set reasoning = m.r %}{% endif %}{{ reasoning }}{% endfor %}",
        "{% macro say(thinking) %}{% if thinking %}{{ thinking }}{% endif %}{% endmacro %}",
        "{% set ns = namespace(enable_thinking=true) %}{% if ns.enable_thinking %}x{% endif %}",
        "{{ 'enable_thinking' }} thinking reasoning_effort",
        "{% if %}",
        "{# enable_thinking #}" + "x" * MAX_CHARACTERS + "{% if enable_thinking %}{% endif %}",
    ],
)
def test_what_the_caller_cannot_say_is_no_switch(source: str) -> None:
    assert thinking_of(source) == NO_THINKING


@pytest.mark.parametrize("constant", ["9 ** 9 ** 9", "'a' * 10 ** 12", "'' | center(10 ** 12)"])
def test_constants_are_not_computed(constant: str) -> None:
    assert thinking_of("{{ " + constant + " }}{% if enable_thinking %}{% endif %}") == SWITCH


def test_deep_nesting_is_no_switch() -> None:
    assert thinking_of("{{ " + "(" * 20_000 + " }}") == NO_THINKING
