"""The line of figures below an answer."""

from pathlib import Path

import pytest

from desktop.store.chats import ChatStore
from desktop.ui.chat.figures import statistics_line


@pytest.mark.parametrize(
    ("statistics", "line"),
    [
        ({}, ""),
        ({"tokens_per_second": 61.44, "generated_tokens": 1.0}, "61.4 tok/s · 1 token"),
        (
            {"tokens_per_second": 9.0, "generated_tokens": 1420.0, "seconds_to_first_token": 0.213},
            "9.0 tok/s · 1,420 tokens · first token 0.21 s",
        ),
        ({"tokens_per_second": 9.0, "given_up_threads": 1.0}, "9.0 tok/s · 1 thread left to other programs"),
        ({"tokens_per_second": 9.0, "given_up_threads": 3.0}, "9.0 tok/s · 3 threads left to other programs"),
        ({"given_up_threads": 1.0, "threads": 2.0}, "1 of 2 threads left to other programs"),
        ({"tokens_per_second": 9.0, "given_up_threads": 0.0, "threads": 2.0}, "9.0 tok/s"),
        ({"drafted_tokens": 1.0}, "0% of 1 guess accepted"),
        (
            {
                "tokens_per_second": 9.0,
                "drafted_tokens": 120.0,
                "accepted_tokens": 74.0,
                "plain_tokens_per_second": 12.0,
            },
            "9.0 tok/s · 62% of 120 guesses accepted · 25% slower than without",
        ),
    ],
)
def test_what_was_measured_is_said(statistics: dict[str, float], line: str, tmp_path: Path) -> None:
    store = ChatStore(tmp_path / "chats.sqlite3")
    asked = store.add(store.create().id, None, "assistant", "An answer.")
    assert statistics_line(store.finish(asked.id, "complete", statistics)) == line
    store.close()
