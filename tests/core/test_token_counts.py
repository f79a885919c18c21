"""Numbers of tokens: what Heft writes it reads, and what people type is understood or refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.core.errors import UsageError
from desktop.core.token_counts import read_tokens, tokens_text

COUNTS = st.one_of(
    st.integers(0, 1 << 34),
    st.integers(0, 1 << 14).map(lambda n: n * 1024),
    st.integers(0, 1 << 14).map(lambda n: n * 10_240),
    st.integers(0, 1 << 17).map(lambda n: n * (1 << 18)),
)


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ("32k", 32_768), ("32K", 32_768), ("32 k", 32_768), (" 32k ", 32_768), ("32Ki", 32_768), ("128k", 131_072),
        ("1M", 1_048_576), ("1m", 1_048_576), ("1.5M", 1_572_864), ("0.5k", 512), ("0,5k", 512), ("1,5k", 1536),
        ("32768", 32_768), ("32,768", 32_768), ("32.768", 32_768), ("32 768", 32_768),
        ("32\N{NO-BREAK SPACE}768", 32_768), ("32\N{NARROW NO-BREAK SPACE}768", 32_768), ("1'048'576", 1_048_576),
        ("1’048’576", 1_048_576),
        ("1_048_576", 1_048_576), ("1.048.576", 1_048_576), ("1 048 576", 1_048_576), ("0", 0), ("7", 7),
        ("0.125k", 128), ("32k tokens", 32_768), ("32,768 tokens", 32_768), ("1 token", 1), ("16k context", 16_384),
        ("３２ｋ", 32_768),
        ("32,768 tokens of context", 32_768), ("1024k", 1_048_576), ("0.3k", 307),
    ],
)  # fmt: skip
def test_what_people_type(typed: str, tokens: int) -> None:
    assert read_tokens(typed) == tokens


@pytest.mark.parametrize(
    "typed",
    ["", " ", "k", "many", "-5", "32kk", "3.5", "32,76", "1,048.576", "1,00,000", "1.024k", "32,768k", "1e5", "32 k 4",
     "9" * 60, "32k of what", "0x20", "１.", "32..768", ",5k"],
)  # fmt: skip
def test_what_is_no_number_of_tokens_is_refused_with_what_is(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_tokens(typed)
    assert refused.value.message and any(shown in refused.value.hint for shown in ("32k", "in full"))


def test_a_number_that_can_be_read_in_two_ways_asks_for_the_whole() -> None:
    with pytest.raises(UsageError) as refused:
        read_tokens("1.024k")
    assert "two ways" in refused.value.message and "1,048,576" in refused.value.hint


@given(COUNTS)
def test_whatever_is_written_is_read_as_the_same_number(count: int) -> None:
    for written in (tokens_text(count), f"{count:,}", f"{count}", f"{count:,} tokens", f"{tokens_text(count)} context"):
        assert read_tokens(written) == count


@given(COUNTS)
def test_whatever_is_read_is_written_as_the_same_text_again(count: int) -> None:
    assert tokens_text(read_tokens(tokens_text(count))) == tokens_text(count)


def test_in_short() -> None:
    found = [tokens_text(n) for n in (0, 512, 8192, 40_960, 131_072, 1 << 20, 3 << 19, 10_485_760, 33_000, 1_010_000)]
    assert found == ["0", "512", "8k", "40k", "128k", "1M", "1.5M", "10M", "33,000", "1,010,000"]
