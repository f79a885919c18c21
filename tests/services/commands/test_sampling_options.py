"""The options of ``heft run`` and ``heft chat`` that say how tokens are chosen."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from support.gguf_bytes import F32, model

from desktop.cli import main
from desktop.cli.sampling import add_sampling_arguments, chosen_sampling
from desktop.core.errors import UsageError
from desktop.core.sampling_fields import SAMPLING_FIELDS


def chosen(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_sampling_arguments(parser)
    return chosen_sampling(parser.parse_args(arguments))


def test_only_what_is_given_is_set() -> None:
    assert chosen() == {}
    assert chosen("--temperature", "0", "--top-k", "5", "--presence-penalty", "-0.5", "--mirostat", "2") == {
        "temperature": 0.0, "top_k": 5, "presence_penalty": -0.5, "mirostat": 2
    }  # fmt: skip


def test_there_is_an_option_for_every_field() -> None:
    for field in SAMPLING_FIELDS:
        if field.kind in ("decimal", "whole", "choice", "seed"):
            assert chosen(field.option, f"{field.high:.0f}") == {field.name: field.high}, field.name


def test_texts_come_from_the_line_or_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.gbnf").write_text('root ::= "yes"\n', encoding="utf-8")
    assert chosen("--grammar-file", str(tmp_path / "a.gbnf")) == {"grammar": 'root ::= "yes"\n'}
    assert chosen("--json-schema", '{"type": "object"}') == {"json_schema": '{"type": "object"}'}
    assert chosen("--stop", "END", "--stop", r"\n\n") == {"stop": ("END", "\n\n")}
    assert chosen("--logit-bias", "a=b=-5", "--logit-bias", r"\n=2") == {"logit_bias": (("a=b", -5.0), ("\n", 2.0))}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--temperature", "nan"), "It takes a number from 0 to 5."),
        (("--temperature", "1e30"), "It takes a number from 0 to 5."),
        (("--top-k", "2.5"), "It takes a whole number from 0"),
        (("--mirostat", "3"), "It takes 0 (off) or 1 or 2."),
        (("--json-schema", "{"), "This is not JSON"),
        (("--grammar", "x"), "A grammar needs a rule named root"),
        (("--logit-bias", "word"), "It takes TEXT=BIAS"),
        (("--logit-bias", "=1"), "It takes TEXT=BIAS"),
        (("--stop", ""), "'' is no value for --stop."),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "starter", "--prompt", "Hi", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_what_only_shows_together_is_refused_too(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[", encoding="utf-8")
    with pytest.raises(UsageError, match="This is not JSON"):
        chosen("--json-schema-file", str(bad))
    with pytest.raises(UsageError, match="cannot be read"):
        chosen("--json-schema-file", str(tmp_path / "gone.json"))
    with pytest.raises(UsageError, match="not to both"):
        chosen("--json-schema", "{}", "--grammar", 'root ::= "a"')
    with pytest.raises(UsageError, match="say the same"):
        chosen("--json-schema", "{}", "--json-schema-file", str(bad))
    with pytest.raises(UsageError, match="--stop"):
        chosen(*(word for number in range(65) for word in ("--stop", str(number))))


@pytest.mark.engine
def test_an_answer_tells_its_sampling_and_where_each_value_comes_from(
    heft_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--prompt", "Hi", "--max-tokens", "2", "--context", "512", "--temperature", "0", "--stop", "END")
    assert main(["run", "starter", *asked, "--json"]) == 0
    sampling = json.loads(capsys.readouterr().out)["sampling"]
    assert set(sampling) == {field.name for field in SAMPLING_FIELDS}
    assert sampling["temperature"] == {"value": 0.0, "source": "chat"}
    assert sampling["stop"] == {"value": ["END"], "source": "chat"}
    assert sampling["typical_p"] == {"value": 1.0, "source": "heft"}


def test_the_settings_of_a_model_tell_what_it_recommends(
    heft_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = model()
    made.metadata.append(("general.sampling.temp", F32, 0.6))
    path = str(made.write(tmp_path / "a.gguf"))
    assert main(["settings", path, "--json"]) == 0
    sampling = json.loads(capsys.readouterr().out)["sampling"]
    assert sampling["temperature"] == {"value": 0.6, "source": "model"}
    assert sampling["top_k"] == {"value": 40, "source": "heft"}
    assert main(["settings", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[-2:]] == [["SAMPLING", "VALUE", "FROM"], ["temperature", "0.6", "model"]]
