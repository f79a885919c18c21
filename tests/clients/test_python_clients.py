"""Python libraries, each with a tool that a scripted model calls."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.lending import KEY, open_door, served_file
from support.other_programs import Package
from support.talkers import TOLD, WEATHER, caller

from desktop.services.serve.door.door import Door

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("package", [name], indirect=True)


@of("langchain-openai")
def test_langchain(package: Package, calling: Door) -> None:
    found = package.python("langchain_openai_task.py", calling, "caller")
    for way in ("chat", "responses"):
        assert found[way]["args"] == WEATHER
        assert found[way]["told"] == found[way]["streamed"]
        assert found[way]["told"].endswith(TOLD)
        assert found[way]["tokens"] > 0


@of("pydantic-ai")
def test_pydantic_ai(package: Package, calling: Door) -> None:
    found = package.python("pydantic_ai_task.py", calling, "caller")
    for way in ("chat", "responses", "anthropic"):
        assert found[way]["told"].endswith(TOLD)
        assert found[way]["asked"] == ["Paris"]


@of("openai-agents")
def test_openai_agents(package: Package, calling: Door) -> None:
    found = package.python("openai_agents_task.py", calling, "caller")
    assert found["asked"] == ["Paris"] * 4
    for way in ("chat", "responses"):
        assert found[way]["told"] == found[way]["streamed"]
        assert found[way]["told"].endswith(TOLD)
        assert found[way]["events"] > 3


@of("instructor")
def test_instructor(package: Package, talking: Door, tmp_path: Path) -> None:
    caller(tmp_path / "m.gguf", name="Weather")
    with (
        served_file(tmp_path / "m.gguf", tmp_path, name="caller", context_length=16384) as lender,
        open_door(lender) as door,
    ):
        assert package.python("instructor_task.py", door, "caller") == {"location": "Paris"}
    assert list(package.python("instructor_task.py", talking, "starter")) == ["location"]


@of("llm")
def test_llm(package: Package, talking: Door, tmp_path: Path) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: heft\n  model_name: starter\n  api_base: {talking.address}/v1\n  api_key_name: heft\n",
        encoding="utf-8",
    )
    told = {"PYTHONPATH": str(package.folder), "LLM_USER_PATH": str(tmp_path)}
    ask = ["python", "-m", "llm", "-m", "heft", "--key", KEY, "-o", "temperature", "0", "-o", "max_tokens", "24"]
    done = package.run([*ask, "What is the capital of France?"], tmp_path, told)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 10
