"""What a reader of another language, or of a table, expects: breaks, addresses, emphasis, direction."""

from __future__ import annotations

import pytest

from desktop.core.markdown import Paragraph, Run, Table, as_csv, as_markdown, join_parts, parse, plain_text
from desktop.core.text import is_right_to_left


def runs(text: str) -> tuple[Run, ...]:
    (block,) = parse(text)
    assert isinstance(block, Paragraph)
    return block.runs


def links(text: str) -> list[str]:
    return [run.link for run in runs(text) if run.link]


@pytest.mark.parametrize("tag", ["<br>", "<br/>", "<br />", "<BR>", "<br>\n"])
def test_a_br_breaks_the_line(tag: str) -> None:
    assert plain_text(parse(f"one{tag}two")[0]) == "one\ntwo"


def test_a_br_breaks_the_line_in_a_cell_and_is_text_in_code() -> None:
    (table,) = parse("| a |\n|---|\n| one<br>two |\n")
    assert isinstance(table, Table)
    assert table.rows[0][0] == (Run("one\ntwo"),)
    assert plain_text(parse("`<br>`")[0]) == "<br>"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("H<sub>2</sub>O", "H₂O"),
        ("x<sup>2</sup> and 10<SUP>-3</SUP>", "x² and 10⁻³"),
        ("a<sub>where</sub>", "a<sub>where</sub>"),
        ("a<sub>2</sup>", "a<sub>2</sup>"),
        ("`H<sub>2</sub>O`", "H<sub>2</sub>O"),
    ],
)
def test_raised_and_lowered_figures(text: str, seen: str) -> None:
    assert plain_text(parse(text)[0]) == seen


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://example.org/a_b_c.", ["https://example.org/a_b_c"]),
        ("(https://example.org/x_(y))", ["https://example.org/x_(y)"]),
        ("见https://example.org/路径。", ["https://example.org/"]),
        ("访问https://example.org，谢谢", ["https://example.org"]),
        ("http://localhost:8080/v1 runs", ["http://localhost:8080/v1"]),
        ("www.example.org/x, or so", ["http://www.example.org/x"]),
        ("write to jo.doe@example.org!", ["mailto:jo.doe@example.org"]),
        ("**https://example.org**", ["https://example.org"]),
        ("`https://example.org`", []),
        ("[x](https://example.org/a) https://example.org/b", ["https://example.org/a", "https://example.org/b"]),
        ("https:// and www. and @home and a@b", []),
        ("git@host:repo.git", []),
        ("javascript:alert(1) file:///etc/passwd", []),
    ],
)
def test_a_bare_address_is_a_link(text: str, found: list[str]) -> None:
    assert links(text) == found
    assert plain_text(parse(text)[0]).replace("x", "") != ""


def test_a_bare_address_keeps_its_letters() -> None:
    text = "at https://example.org/_a_*b*/c?d=e&f=~g~ now"
    assert links(text)[0].startswith("https://example.org/_a_")


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("**“中文”**是", "“中文”"),
        ('这是**"重要"**的', '"重要"'),
        ("**（注意）**请看", "（注意）"),
        ("这**《书名》**好", "《书名》"),
        ("これは**「重要」**です", "「重要」"),
        ("이것은 **'중요'**합니다", "'중요'"),
        ("价格是**100%**的", "100%"),
        ("plain **bold** text", "bold"),
    ],
)
def test_emphasis_beside_the_letters_of_east_asia(text: str, bold: str) -> None:
    assert [run.text for run in runs(text) if run.bold] == [bold]


def test_emphasis_elsewhere_is_as_before() -> None:
    assert [run.bold for run in runs('a**"b"**c')] == [False]
    assert [run.italic for run in runs("snake_case_name")] == [False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("مرحبا بالعالم", True),
        ("שלום", True),
        ("1. שלום", True),
        ("Hello שלום", False),
        ("«مرحبا»", True),
        ("123", False),
        ("", False),
        ("你好", False),
    ],
)
def test_which_way_a_text_is_read(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected


TABLE = '| Name | **x** |\n|:--|--:|\n| a, "b" | `c\\|d` |\n| $x^2$<br>y | [l](https://example.org) |\n'


def test_a_table_as_comma_separated_values() -> None:
    (table,) = join_parts(parse(TABLE))
    assert isinstance(table, Table)
    assert as_csv(table) == 'Name,x\n"a, ""b""",c|d\n"$x^2$\ny",l\n'


def test_a_table_as_markdown_is_the_same_table() -> None:
    (table,) = join_parts(parse(TABLE))
    assert isinstance(table, Table)
    assert join_parts(parse(as_markdown(table))) == (table,)
