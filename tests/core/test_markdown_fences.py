"""A fence of Markdown holds fences; the rest of the answer is text again after it, at every moment of the stream."""

from __future__ import annotations

import pytest

from desktop.core.markdown import CodeBlock, ListBlock, Paragraph, StreamParser, join_parts, parse, plain_text

README = "# Tides\n\nRun it:\n\n```python\nprint(1)\n```\n\nDone.\n"
BARE = "# Tides\n\nInstall:\n\n```\npip install tides\n```\n\nThat is all.\n"


def shapes(text: str) -> list[tuple[str, str]]:
    return [
        (block.language if isinstance(block, CodeBlock) else type(block).__name__, plain_text(block))
        for block in join_parts(parse(text))
    ]


@pytest.mark.parametrize("language", ["markdown", "md", "Markdown", "mdx", "text", ""])
def test_a_fence_with_a_language_within_belongs_to_the_outer_one(language: str) -> None:
    text = f"Here it is:\n\n```{language}\n{README}```\n\nAnd so on.\n"
    assert shapes(text) == [
        ("Paragraph", "Here it is:"),
        (language.lower(), README.removesuffix("\n")),
        ("Paragraph", "And so on."),
    ]


@pytest.mark.parametrize("mark", ["```", "~~~", "````"])
def test_a_bare_fence_within_markdown_is_told_by_the_gaps_around_it(mark: str) -> None:
    inner = BARE.replace("```", mark)
    assert shapes(f"{mark}markdown\n{inner}{mark}\n\nAnd so on.\n") == [
        ("markdown", inner.removesuffix("\n")),
        ("Paragraph", "And so on."),
    ]


def test_several_fences_within_one() -> None:
    assert shapes(f"```markdown\n{README}{BARE}{README}```\n\nEnd\n")[-1] == ("Paragraph", "End")


def test_a_longer_outer_fence_holds_shorter_ones_whatever_they_are() -> None:
    assert shapes("````python\n```\nx\n```\n````\nafter") == [("python", "```\nx\n```"), ("Paragraph", "after")]


def test_code_that_is_no_markdown_ends_at_the_first_fence() -> None:
    text = '```python\nprompt = """\n```json\n{}\n"""\n```\nafter'
    assert shapes(text)[-1] == ("Paragraph", "after")


def test_a_fence_of_markdown_in_a_list_holds_fences_too() -> None:
    inner = "".join(f"   {line}\n" if line else "\n" for line in README.removesuffix("\n").split("\n"))
    (listed,) = join_parts(parse(f"1. write\n\n   ```markdown\n{inner}   ```\n2. read\n"))
    assert isinstance(listed, ListBlock)
    assert [type(block) for block in listed.items[0].blocks] == [Paragraph, CodeBlock]
    assert plain_text(listed.items[1].blocks[0]) == "read"


@pytest.mark.parametrize("inner", [README, BARE])
def test_while_it_streams_nothing_of_it_is_ever_text(inner: str) -> None:
    parser = StreamParser()
    parser.append("```markdown\n")
    for piece in f"{inner}```\n":
        parser.append(piece)
        assert {type(block) for block in parser.blocks} == {CodeBlock}
    parser.append("\nAnd so on.")
    parser.finish()
    assert [type(block) for block in join_parts(parser.blocks)] == [CodeBlock, Paragraph]
    assert plain_text(join_parts(parser.blocks)[0]) == inner.removesuffix("\n")
