"""Formulas in an answer: what is one, what is a price, and that nothing of one is lost or read as Markdown."""

from __future__ import annotations

import pytest

from desktop.core.markdown import (
    Block,
    CodeBlock,
    Heading,
    ListBlock,
    Paragraph,
    Quote,
    Run,
    StreamParser,
    Table,
    join_parts,
    latex_of,
    parse,
    plain_text,
)

ALIGNED = "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}"


def formulas(text: str) -> list[tuple[str, str]]:
    """(source, how) of every formula of a text, wherever it stands."""
    return [(run.text, run.math) for block in join_parts(parse(text)) for run in runs_of(block) if run.math]


def runs_of(block: Block) -> list[Run]:
    match block:
        case Paragraph(runs=runs) | Heading(runs=runs):
            return list(runs)
        case ListBlock(items=items):
            return [run for item in items for inner in item.blocks for run in runs_of(inner)]
        case Quote(blocks=blocks):
            return [run for inner in blocks for run in runs_of(inner)]
        case Table(header=header, rows=rows):
            return [run for row in (header, *rows) for cell in row for run in cell]
    return []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"Energy \(E=mc^2\) is", [(r"\(E=mc^2\)", "inline")]),
        ("so $a_1 * b_2 * c$ holds", [("$a_1 * b_2 * c$", "inline")]),
        ("so $$x$$ holds", [("$$x$$", "display")]),
        (r"so \[x \\ y\] holds", [(r"\[x \\ y\]", "display")]),
        ("$$\na\n= b\n- c\n+ d\n# e\n$$", [("$$\na\n= b\n- c\n+ d\n# e\n$$", "display")]),
        ("\\[\n\n  a\n\n\\]", [("\\[\n\n  a\n\n\\]", "display")]),
        ("Given\n\\[\nx\n\\]\nfollows", [("\\[\nx\n\\]", "display")]),
        ("$$x$$.", [("$$x$$.", "display")]),
        (ALIGNED, [(ALIGNED, "display")]),
        ("- one \\(x\\)\n- two\n  $$\n  y\n  $$\n- three", [(r"\(x\)", "inline"), ("$$\ny\n$$", "display")]),
        ("> so $x$\n> $$\n> y\n> $$", [("$x$", "inline"), ("$$\ny\n$$", "display")]),
        ("## About $x^2$", [("$x^2$", "inline")]),
        ("| a | b |\n|---|---|\n| $x_1$ | \\(y\\) |", [("$x_1$", "inline"), (r"\(y\)", "inline")]),
        ("**bold $x$**", [("$x$", "inline")]),
        (r"$\$5$ of $x$", [(r"$\$5$", "inline"), ("$x$", "inline")]),
        ("a $x$-axis, ($y$), $z$.", [("$x$", "inline"), ("$y$", "inline"), ("$z$", "inline")]),
    ],
)  # fmt: skip
def test_formulas_are_found_wherever_they_stand(text: str, found: list[tuple[str, str]]) -> None:
    assert formulas(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "US$ 3, US$3 or US$4",
        "between $5 and 10$",
        "$5-$10, $5/$10",
        "it costs 5$ or 6$",
        "$5 million to $6 million",
        "`$x$` and `\\(y\\)`",
        "```\n$$\nx\n$$\n```",
        "    $x$",
        "$HOME/$USER and $PATH:$HOME",
        "$ x $",
        "a lone $ sign, a lone $$ sign",
        r"\$x\$",
        r"\\(x\\)",
        r"\[citation needed\]",
        r"\(see below\)",
        "$a `b` c$",
    ],
)
def test_prices_variables_and_code_are_no_formulas(text: str) -> None:
    assert formulas(text) == []


def test_outside_of_formulas_escapes_keep_their_meaning() -> None:
    assert plain_text(parse(r"a\_b \\ c \( d \[ e \* f")[0]) == r"a_b \ c ( d [ e * f"


def test_a_formula_is_copied_as_it_was_written() -> None:
    text = "Here \\(\\frac{a}{b}\\) and\n\n$$\nx \\\\ y\n$$"
    assert [plain_text(block) for block in parse(text)] == ["Here \\(\\frac{a}{b}\\) and", "$$\nx \\\\ y\n$$"]


@pytest.mark.parametrize(
    ("source", "latex", "display"),
    [
        ("$x$", "x", False),
        (r"\(x\)", "x", False),
        ("$$\nx\n$$", "x", True),
        (r"\[x\]", "x", True),
        ("$$x$$.", "x.", True),
        (r"\begin{align}x\end{align}", r"\begin{align}x\end{align}", True),
    ],
)
def test_what_of_a_formula_is_latex(source: str, latex: str, display: bool) -> None:
    assert latex_of(source) == (latex, display)


@pytest.mark.parametrize(
    "text",
    [
        "So we get\n\n$$\n\\sum_{i=1}^{n} x_i\n= \\frac{a}{b}\n- c\n* d\n$$\n\nas said.\n",
        "So we get\n\\[\na\n= b\n\\]\nas said.\n",
        r"The \(\frac{a}{b} * c * d\) is.",
        "1. one\n   $$\n   a\n   = b\n   $$\n2. two\n",
    ],
)
def test_an_unfinished_formula_stands_as_it_is_written_until_it_ends(text: str) -> None:
    """At no moment is a part of it a heading, a list, a rule or emphasis, and no character of it is missing."""
    parser = StreamParser()
    kinds = {type(block) for block in parse(text)}
    for end, piece in enumerate(text, 1):
        parser.append(piece)
        blocks = join_parts(parser.blocks)
        assert {type(block) for block in blocks} <= kinds | {Paragraph}, text[:end]
        runs = [run for block in blocks for run in runs_of(block)]
        assert not any(run.bold or run.italic for run in runs), text[:end]
        seen = "".join(run.text for run in runs)
        written = text[:end]
        for mark in ("\\frac{a}{b}", "x_i", "= b"):
            assert seen.count(mark) == written.count(mark), written


def test_a_stray_opener_swallows_nothing_once_it_is_certain() -> None:
    parser = StreamParser()
    parser.append("$$ is how it began\n\nand **this** is bold\n\n- a list\n")
    assert [type(block) for block in parser.blocks] == [Paragraph, Paragraph, ListBlock]
    assert any(run.bold for run in runs_of(parser.blocks[1]))
    alone = parse("$$\n" + "line\n\n" * 50 + "```\ncode\n```\n")
    assert isinstance(alone[-1], CodeBlock)
