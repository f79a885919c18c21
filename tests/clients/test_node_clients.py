"""JavaScript libraries, each with a tool that a scripted model calls."""

from __future__ import annotations

import pytest
from support.other_programs import Package
from support.talkers import TOLD, WEATHER

from desktop.services.serve.door.door import Door

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("package", [name], indirect=True)


@of("openai")
def test_openai(package: Package, calling: Door) -> None:
    found = package.node("openai_task.mjs", calling, "caller")
    assert (found["args"], found["missing"]) == (WEATHER, 404)
    assert found["streamed"].endswith(TOLD) and found["told"].endswith(TOLD)


@of("@anthropic-ai/sdk")
def test_anthropic(package: Package, calling: Door) -> None:
    found = package.node("anthropic_task.mjs", calling, "caller")
    assert (found["input"], found["missing"]) == (WEATHER, 404)
    assert found["tokens"] > 10 and found["told"].endswith(TOLD)


@of("ollama")
def test_ollama(package: Package, calling: Door) -> None:
    found = package.node("ollama_task.mjs", calling, "caller")
    assert (found["listed"], found["args"]) == (["caller"], WEATHER)
    assert found["told"].endswith(TOLD)


@of("ai")
def test_ai(package: Package, calling: Door) -> None:
    found = package.node("ai_task.mjs", calling, "caller")
    assert found["places"] == ["Paris", "Paris"]
    assert found["told"].endswith(TOLD) and found["streamed"].endswith(TOLD)
