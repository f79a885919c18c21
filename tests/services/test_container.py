"""Services are made once, whichever thread is first, and closed the newest first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from desktop.services.container import Container
from desktop.services.made_once import made_once
from desktop.store.paths import Paths


class Counting(Container):
    """A container whose members tell when they are made and closed."""

    made: list[str]

    @made_once
    def slow(self) -> object:
        """Made while everybody waits for it."""
        self.made.append("slow")
        self.everybody.wait(30)  # type: ignore[attr-defined]
        return object()

    @made_once
    def upper(self) -> Closing:
        """Uses another member."""
        return Closing("upper", self.made, self.lower)

    @made_once
    def lower(self) -> Closing:
        """Used by another."""
        return Closing("lower", self.made)

    @made_once
    def broken(self) -> object:
        """Fails the first time."""
        self.made.append("broken")
        if self.made.count("broken") == 1:
            raise OSError("not yet")
        return object()


class Closing:
    def __init__(self, name: str, told: list[str], *uses: object) -> None:
        self.name, self.told, self.uses = name, told, uses

    def close(self) -> None:
        self.told.append(f"closed {self.name}")


@pytest.fixture
def container(tmp_path: Path) -> Counting:
    made = Counting(Paths(tmp_path / "data", tmp_path / "cache"))
    made.made = []
    return made


def test_racing_threads_get_the_same_one(container: Counting) -> None:
    racers = 16
    container.everybody = threading.Event()  # type: ignore[attr-defined]
    start, found = threading.Barrier(racers), []

    def race() -> None:
        start.wait()
        found.append(container.slow)

    threads = [threading.Thread(target=race) for _ in range(racers)]
    for thread in threads:
        thread.start()
    container.everybody.set()  # type: ignore[attr-defined]
    for thread in threads:
        thread.join(30)
    assert len(found) == racers and len(set(map(id, found))) == 1
    assert container.made == ["slow"]


def test_members_are_closed_the_newest_first_and_only_what_was_made(container: Counting) -> None:
    assert container.known(Counting.upper) is None
    upper = container.upper
    assert container.known(Counting.upper) is upper
    container.close()
    assert container.made == ["closed upper", "closed lower"]


def test_a_member_that_cannot_be_closed_keeps_no_other_open(
    container: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermissionError("it hangs on")

    monkeypatch.setattr(container.upper, "close", refuse)
    with pytest.raises(PermissionError, match="it hangs on"):
        container.close()
    assert container.made == ["closed lower"]


def test_what_is_made_while_others_are_closed_is_closed_too(
    container: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container.lower, "close", lambda: container.upper)
    container.close()
    assert container.made == ["closed upper"]


def test_a_failure_is_raised_and_the_next_use_tries_again(container: Counting) -> None:
    with pytest.raises(OSError, match="not yet"):
        _ = container.broken
    assert container.broken is container.broken
