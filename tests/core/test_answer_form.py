"""What is told of a grammar or a schema that is none, and of texts written in one line."""

from __future__ import annotations

import pytest

from desktop.core.answer_form import LONGEST_FORM, grammar_problem, json_problem
from desktop.core.escapes import escaped, unescaped


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", ""),
        ('{"type": "object",\n "x": }', "This is not JSON: Expecting value at line 2, column 7."),
        ('{"a": NaN}', "This is not JSON: NaN is no number of JSON."),
        ("[" * 200_000, "This is not JSON that can be read: it is nested too deeply."),
        ("[]", "A schema is a JSON object, in { and }."),
        (" " * (LONGEST_FORM + 1), f"{LONGEST_FORM + 1:,} characters are too many: at most {LONGEST_FORM:,}."),
    ],
)
def test_a_schema_is_a_json_object(text: str, said: str) -> None:
    assert json_problem(text) == said


def test_a_grammar_begins_at_its_root() -> None:
    assert grammar_problem('# comment\nroot ::= "a"') == "" == grammar_problem("x ::= root\n  root::=[a]")
    assert "root" in grammar_problem('answer ::= "a"') and "root" in grammar_problem('my-root ::= "a"')
    assert "too many" in grammar_problem("r" * (LONGEST_FORM + 1))


@pytest.mark.parametrize("text", ["", "END", "a\nb", "\\n", "\\", "\t\r\n\\\\n", "\\d"])
def test_a_text_comes_back_from_its_line(text: str) -> None:
    assert "\n" not in escaped(text) and unescaped(escaped(text)) == text


def test_other_backslashes_are_themselves() -> None:
    assert unescaped(r"\d\n") == "\\d\n"
