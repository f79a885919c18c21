"""``heft settings``, ``run`` and ``chat``: the chat template, thinking and effort of a model, by the real commands."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.cli import main
from desktop.store.paths import Paths

LEVELS = "Reasoning: {{ reasoning_effort }}{% for m in messages %}{{ m.content }}{% endfor %}"
SWITCH = "{% for m in messages %}{{ m.content }}{% endfor %}{% if not enable_thinking %}</think>{% endif %}"
SAYS_MORE = "{% for m in messages %}{{ m.content }}{% endfor %} One, two, three, four, five,"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], paths: Paths) -> Run:
    """Runs ``heft ARGUMENTS``; exit code, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str], str]:
    def write(source: str) -> str:
        path = tmp_path / "own.jinja"
        path.write_text(source, "utf-8")
        return str(path)

    return write


def remembered(run: Run, *changes: str) -> dict[str, Any]:
    code, out, _ = run("settings", "starter", *changes, "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_settings_are_shown_set_and_reset(run: Run, template: Callable[[str], str], starter_model: Path) -> None:
    first = remembered(run)
    assert {first["settings"][key] for key in ("template", "thinking", "effort")} == {None}
    assert first["choices"] == {"thinking": [], "effort": []}
    with_levels = remembered(run, f"template=@{template(LEVELS)}", "effort=low", "context=2k")
    assert with_levels["settings"]["template"] == LEVELS
    assert with_levels["settings"]["effort"] == "low"
    assert with_levels["settings"]["context"] == 2048
    assert with_levels["choices"] == {"thinking": [], "effort": ["low", "medium", "high"]}
    switched = remembered(run, f"template=@{template(SWITCH)}", "thinking=off")
    assert switched["settings"]["thinking"] is False
    assert switched["choices"] == {"thinking": ["on", "off"], "effort": []}
    out = run("settings", "starter")[1]
    lines = {line.partition(" ")[0]: line.split()[1:] for line in out.splitlines()}
    assert " ".join(lines["template"]) == "of your own, 1 line of your own, 1 line"
    assert lines["thinking"] == ["off", "off"]
    assert lines["effort"] == ["low", "no", "levels"]
    assert remembered(run, "template=default", "thinking=")["settings"]["template"] is None
    assert remembered(run, "effort=default")["settings"]["effort"] is None
    assert remembered(run)["settings"]["context"] == 2048
    remembered(run, f"template=@{template(SWITCH)}", "thinking=on")
    assert set(remembered(run, "--reset")["settings"].values()) == {None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("thinking=off",), "has no switch for thinking"),
        (("thinking=maybe",), "'maybe' is no value for thinking"),
        (("effort=low",), "knows no effort 'low'"),
        (("template=words",), "It takes @FILE, or default"),
        (("template=@/nowhere/at/all",), "/nowhere/at/all cannot be read"),
        (("context=2k", "effort=low"), "It has no levels"),
    ],
)
def test_what_is_not_taken_changes_nothing(run: Run, changes: tuple[str, ...], said: str, starter_model: Path) -> None:
    code, _, told = run("settings", "starter", *changes)
    assert code == 2 and said in told
    assert set(remembered(run)["settings"].values()) == {None}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% if %}", "no valid Jinja"),
        ("{{ ''.__class__.__mro__ }}", "reaches outside its sandbox"),
        ("{{ 'a' * 10000000000 }}", "enormous amount of work"),
        (" \n", "is empty"),
        ("x" * 300_000, "too long"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_by_each_command(
    run: Run, template: Callable[[str], str], source: str, said: str, starter_model: Path
) -> None:
    path = template(source)
    code, _, told = run("settings", "starter", f"template=@{path}")
    assert code == 2 and said in told
    code, _, told = run("run", "starter", "--prompt", "Hi", "--template", path)
    assert code == 2 and said in told


def test_an_unknown_effort_is_refused_with_the_levels_before_anything_is_loaded(
    run: Run, template: Callable[[str], str], starter_model: Path
) -> None:
    path = template(LEVELS)
    for command in (("run", "starter", "--prompt", "Hi"), ("chat", "starter")):
        code, out, told = run(*command, "--template", path, "--effort", "enormous")
        assert (code, out) == (2, "")
        assert "knows no effort 'enormous'" in told and "It has low, medium, high." in told
        assert "Loading" not in told
    code, _, told = run("run", "starter", "--prompt", "Hi", "--raw", "--thinking", "off")
    assert code == 2 and "--raw uses no chat template" in told


@pytest.mark.engine
def test_a_template_is_used_by_run_and_chat_given_or_remembered(
    run: Run, template: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, starter_model: Path
) -> None:
    path = template(SAYS_MORE)
    greedy = ("--max-tokens", "3", "--temperature", "0", "--context", "512")
    question = ("run", "starter", "--prompt", "Count.", *greedy)
    assert " six" not in run(*question)[1]
    assert run(*question, "--template", path)[1].startswith(" six")
    remembered(run, f"template=@{path}")
    assert run(*question)[1].startswith(" six")
    assert " six" not in run(*question, "--template", "default")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("Count.\n"))
    assert " six" in run("chat", "starter", *greedy)[1]
