"""The streamed result is the result of the whole text, however it was divided, and of markdown-it itself."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.calls import calls_of

from desktop.core.markdown import (
    Block,
    CodeBlock,
    ListBlock,
    ListItem,
    Paragraph,
    Quote,
    StreamParser,
    Table,
    join_parts,
    parse,
    parse_plain,
    plain_text,
)
from desktop.core.markdown.convert import blocks, tokenize
from desktop.core.markdown.tail import WINDOW

LINES = (
    "A plain line with **bold**, *italic*, `code` and ~~strike~~.",
    "unclosed **bold and `code",
    "[a link](https://example.org/x) and ![a picture](https://example.org/p.png)",
    "# Heading",
    "## Second `level`",
    "Setext",
    "===",
    "---",
    "- item",
    "- [ ] to do",
    "- [x] done",
    "* other bullet",
    "  - nested",
    "    continued",
    "      deeper",
    "1. one",
    "2. two",
    "3) other",
    "   - nested in ordered",
    "> quote",
    "> - list in a quote",
    ">",
    "| a | b |",
    "|---|:-:|",
    "| 1 | 2 |",
    "a | b",
    "```python",
    "```",
    "   ```",
    "~~~~ text",
    "~~~~",
    "    indented code",
    "* * *",
    "<b>not HTML</b>",
    "&amp; \\* entity",
    "hard break  ",
    "-",
    "+",
    "1.",
    "[x]: https://example.org",
    "$$",
    "$$x = 1$$",
    "  $$ y",
    r"\[",
    r"z \]",
    r"\(a_b\) and $c_d$, $5 and $6 <br> www.example.org",
    "```markdown",
    "````",
    "",
    "",
    "",
)
documents = st.lists(st.sampled_from(LINES), max_size=14).map("\n".join) | st.text(
    alphabet="ab -*_`#>|~1.)[](<&\\\n\t!:=+", max_size=80
)


def in_pieces(text: str, cuts: list[int]) -> tuple[Block, ...]:
    """The blocks as a listener of the updates holds them."""
    parser = StreamParser()
    held: list[Block] = list(parser.blocks)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    updates = [parser.append(text[a:b]) for a, b in itertools.pairwise(places)]
    for update in [*updates, parser.finish()]:
        held[update.start :] = update.blocks
    assert tuple(held) == parser.blocks
    return tuple(held)


def oracle(text: str) -> tuple[Block, ...]:
    """markdown-it on the whole text at once, without any of the streaming machinery."""
    tokens = tokenize(text)
    return blocks(tokens, 0, len(tokens))


def with_closed_fences(found: tuple[Block, ...]) -> tuple[Block, ...]:
    """``closed`` is known to the stream only."""
    return tuple(replace(b, closed=True) if isinstance(b, CodeBlock) else b for b in found)


@settings(max_examples=300, deadline=None)
@given(documents, st.lists(st.integers(0, 10_000), max_size=12))
def test_streamed_equals_markdown_it_on_the_whole(text: str, cuts: list[int]) -> None:
    assert with_closed_fences(join_parts(in_pieces(text, cuts))) == oracle(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=6),
    st.integers(60, 200),
    st.lists(st.integers(0, 100_000), max_size=20),
)
def test_long_blocks_are_cut_in_the_same_places(lines: list[str], times: int, cuts: list[int]) -> None:
    text = "\n".join(lines * times)
    assert join_parts(in_pieces(text, cuts)) == join_parts(parse(text))


def test_what_a_fence_stands_behind_is_no_formula_that_goes_on() -> None:
    text = "\n".join(["\\[", "```"] * 60)
    assert join_parts(in_pieces(text, [141])) == join_parts(parse(text))


def test_list_items_are_finished_one_by_one() -> None:
    parser = StreamParser()
    parser.append("3. three\n4. four\n5. fi")
    assert [plain_text(b) for b in parser.blocks] == ["3. three", "4. four\n5. fi"]
    update = parser.append("ve\n")
    assert update.start == 1
    assert [(plain_text(b), b.continues) for b in update.blocks] == [("4. four", True), ("5. five", True)]


def test_a_fence_is_open_until_its_closing_line() -> None:
    parser = StreamParser()
    parser.append("```python\nx = 1\n``")
    assert parser.blocks == (CodeBlock("python", "x = 1\n", False),)
    parser.append("`\nafter")
    code, after = list(parser.blocks)
    assert code == CodeBlock("python", "x = 1\n", True)
    assert plain_text(after) == "after"


def test_a_long_fence_comes_in_parts_that_join_to_the_whole() -> None:
    code = "".join(f"line {n}\n" for n in range(5000))
    found = parse(f"```\n{code}```\n")
    assert len(found) > 10
    assert join_parts(found) == (CodeBlock("", code),)


def test_a_long_table_goes_on_as_a_table() -> None:
    rows = "".join(f"| row {n} | `{n}` |\n" for n in range(1000))
    (table,) = join_parts(parse(f"| a | b |\n|---|--:|\n{rows}\nend"))[:1]
    assert isinstance(table, Table)
    assert [plain_text(Paragraph(row[0])) for row in table.rows] == [f"row {n}" for n in range(1000)]


def test_a_long_list_item_stays_one_item() -> None:
    inner = "".join(f"   - point {n} with a few words\n" for n in range(300))
    (listed,) = join_parts(parse(f"1. first\n{inner}2. second\n"))
    assert isinstance(listed, ListBlock)
    assert len(listed.items) == 2
    points = [i for b in listed.items[0].blocks if isinstance(b, ListBlock) for i in b.items]
    assert len(points) == 300


def test_code_in_a_long_list_item_stays_code() -> None:
    code = "".join(f"   value_{n} = {n}\n" for n in range(300))
    (listed,) = join_parts(parse(f"1. run\n\n   ```python\n{code}   ```\n2. done\n"))
    assert isinstance(listed, ListBlock)
    kinds = [type(b) for b in listed.items[0].blocks]
    assert kinds[0] is Paragraph
    assert set(kinds[1:]) == {CodeBlock}
    assert plain_text(listed.items[1].blocks[0]) == "done"


@pytest.mark.parametrize("text", ["<think>a</think>", "Use the `<think>` tag", "```\n<think>\n```", "a </think> b"])
def test_a_tag_of_reasoning_is_text(text: str) -> None:
    assert "think>" in " ".join(plain_text(b) for b in parse(text))


def test_quote_and_task_list() -> None:
    assert parse("> wise\n") == (Quote((Paragraph(parse("wise")[0].runs),)),)  # type: ignore[attr-defined]
    (listed,) = join_parts(parse("- [x] done\n- [ ] open\n"))
    assert isinstance(listed, ListBlock)
    assert [(item.checked, plain_text(item.blocks[0])) for item in listed.items] == [(True, "done"), (False, "open")]
    assert isinstance(listed.items[0], ListItem)


def test_ten_million_characters_in_one_line_survive() -> None:
    text = "x" * 10_000_000
    assert sum(len(plain_text(b)) for b in parse(text)) == len(text)
    assert sum(len(plain_text(b)) for b in parse_plain(text)) == len(text)


@pytest.mark.parametrize("piece", ["word and more, ", "value = 1\n", "- item\n", "**b** [l](x) "])
@pytest.mark.parametrize("opening", ["", "```python\n"])
def test_an_append_costs_the_same_after_a_hundred_thousand_characters(opening: str, piece: str) -> None:
    parser = StreamParser()
    parser.append(opening)

    def cost() -> int:
        return calls_of(lambda: [parser.append(piece) for _ in range(200)])

    early = cost()
    parser.append(piece * (100_000 // len(piece)))
    assert cost() < 4 * early


def test_typed_text_keeps_its_lines_and_is_no_markdown() -> None:
    found = parse_plain("# no heading\n  * no list\n")
    assert [plain_text(b) for b in found] == ["# no heading\n  * no list"]
    long = "\n".join(f"line {n}" for n in range(2000))
    assert "\n".join(plain_text(b) for b in parse_plain(long)) == long
    assert max(len(plain_text(b)) for b in parse_plain(long)) <= WINDOW
