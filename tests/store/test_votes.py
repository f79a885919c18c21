"""Votes are kept, and counted for whoever they were given to, in whichever order the two are named."""

from __future__ import annotations

from pathlib import Path

from desktop.core.vote_tally import Tally
from desktop.store.votes import VoteStore, sign_of, tally_of, vote_between

A, B = sign_of("m-Q4_K_M.gguf", 5), sign_of("m-F16.gguf", 9)


def test_votes_are_counted_in_either_order(tmp_path: Path) -> None:
    store = VoteStore(tmp_path / "votes.json")
    assert store.all() == []
    store.add(vote_between((A, B), "first", "p", 1.0))
    store.add(vote_between((B, A), "first", "p", 2.0))
    store.add(vote_between((B, A), "second", "p", 3.0))
    store.add(vote_between((A, B), "neither", "p", 4.0))
    store.add(vote_between((A, "another 1"), "first", "p", 5.0))
    again = VoteStore(tmp_path / "votes.json").all()
    assert tally_of(again, (A, B)) == Tally(2, 1, 1) and tally_of(again, (B, A)) == Tally(1, 2, 1)


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "votes.json").write_bytes(b"{")
    store = VoteStore(tmp_path / "votes.json")
    assert store.all() == []
    store.add(vote_between((A, B), "first", "p", 1.0))
    assert len(store.all()) == 1
