"""Two models on the same prompts: together where both fit, else in turn; where they part, and what each thought."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.gate import Gate
from support.planning import GB
from support.scripted_compare import NEXT, Computer

from desktop.core.cancelled import CancelledError
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.services.lab.compare_words import parting_words, tally_words, thought_words, way_words
from desktop.services.lab.side import SideStep
from desktop.services.models.library import LibraryService
from desktop.services.serve.room import need_of
from desktop.store.paths import Paths

WORDS = {"m-A": ("The sea", " is", " salt", "."), "m-B": ("The sea", " is", " blue", ".")}


@pytest.fixture
def models(tmp_path: Path) -> tuple[str, str]:
    made = [g.model(tokenizer__ggml__model="gpt2").write(tmp_path / f"{name}.gguf") for name in WORDS]
    return str(made[0]), str(made[1])


@pytest.fixture
def computer(gate: Gate) -> Computer:
    return Computer(gate, WORDS)


def test_both_are_loaded_at_once_where_both_fit(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService
) -> None:
    service = computer.comparing(paths, library)
    prospect = service.prospect(models)
    assert prospect.together and prospect.halves and not prospect.rests
    assert way_words(prospect).startswith("Side by side: they share this computer's cores")
    steps: list[SideStep] = []
    (found,) = service.compare(prospect, ["Why?"], {}, heard=steps.append)
    assert computer.most == 2 and computer.now == 0 and len(computer.loads) == 2
    alone = service.prospect(models, in_turn=True).plans
    assert [load.threads for load in computer.loads] == [max(1, plan.threads // 2) for plan in alone]
    assert not any(load.shares_cores for load in computer.loads)
    assert [side.text for side in found.sides] == ["The sea is salt.", "The sea is blue."]
    assert found.difference is not None and found.difference.at == len("The sea is ")
    assert found.thoughts is not None
    mine, its = found.thoughts
    assert (mine.own, mine.other, mine.own_probability, mine.other_probability) == (" salt", " blue", 0.7, 0.2)
    assert (its.own, its.other) == (" blue", " salt") and its.tokens == NEXT
    assert {(step.side, step.state) for step in steps} == {
        (side, state) for side in (0, 1) for state in ("loading", "answering", "answered", "done")
    }
    live = [step.tokens_per_second for step in steps if step.state == "answering"]
    assert set(live) == {12.5}
    assert "m-A held “ salt” for likely at 70.0%, and “ blue” at 20.0%." in thought_words(
        found.thoughts, ("m-A", "m-B")
    )
    assert parting_words(found) == "They part after 11 characters."
    at_once = replace(found, difference=replace(found.difference, at=0))
    assert parting_words(at_once) == "They part at the first character."


def test_one_after_the_other_where_both_do_not_fit(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService
) -> None:
    service = computer.comparing(paths, library)
    computer.free = 3 * need_of(service.prospect(models).plans[0])[""] // 2
    prospect = service.prospect(models)
    assert not prospect.together and not prospect.halves and not prospect.rests
    assert way_words(prospect) == "One after the other: each has the whole computer."
    found = service.compare(prospect, ["Why?", "How?"], {})
    assert computer.most == 1 and len(computer.loads) == 3  # the first is loaded again to say what it thought
    assert all(one.thoughts is not None for one in found) and [one.prompt for one in found] == ["Why?", "How?"]


def test_the_chats_model_rests_where_there_is_no_room_beside_it(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService
) -> None:
    service = computer.comparing(paths, library)
    computer.free, computer.chat = 1_000_000, 8 * GB
    prospect = service.prospect(models)
    assert prospect.rests and prospect.together and "The chat's model rests" in way_words(prospect)
    service.compare(prospect, ["Why?"], {})
    assert computer.rested == 1


def test_models_that_say_the_same(
    computer: Computer, paths: Paths, library: LibraryService, models: tuple[str, str]
) -> None:
    service = computer.comparing(paths, library)
    (found,) = service.compare(service.prospect((models[0], models[0])), ["Why?"], {})
    assert found.difference is None and found.thoughts is None and parting_words(found) == "Both say the same."


def test_a_comparison_is_cancelled_amid_an_answer(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService, gate: Gate
) -> None:
    service, stop = computer.comparing(paths, library), threading.Event()
    gate.close()

    def stop_amid() -> None:
        gate.held.wait(30)
        stop.set()

    waiting = threading.Thread(target=stop_amid)
    waiting.start()
    with pytest.raises(CancelledError):
        service.compare(service.prospect(models), ["Why?"], {}, cancelled=stop.is_set)
    waiting.join()
    assert computer.now == 0  # nothing stays loaded


def test_one_that_fails_stops_the_other(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService, gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    start = computer.start

    def half(load: object, *others: object) -> object:
        if "m-B" in load.path:  # type: ignore[attr-defined]
            gate.held.wait(30)
            raise HeftError("It is broken.", "", kind=FailureKind.BAD_FILE)
        return start(load, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(computer, "start", half)
    gate.close()
    service = computer.comparing(paths, library)
    with pytest.raises(HeftError, match="It is broken"):
        service.compare(service.prospect(models), ["Why?"], {})
    assert computer.now == 0


def test_there_has_to_be_a_prompt(
    computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService
) -> None:
    service = computer.comparing(paths, library)
    for prompts in ([], [" "]):
        with pytest.raises(UsageError):
            service.compare(service.prospect(models), prompts, {})
    assert not computer.loads


def test_votes_are_counted(computer: Computer, models: tuple[str, str], paths: Paths, library: LibraryService) -> None:
    service = computer.comparing(paths, library)
    both = service.models_of(models)
    names = both[0].title, both[1].title
    assert tally_words(service.tally(both), names) == "No vote says yet which is better."
    for _ in range(7):
        service.vote(both, "second", "Why?")
    service.vote(both, "neither", "Why?")
    words = tally_words(service.tally(both), names)
    assert words.startswith("m-B was preferred 7 to 0, 1 found no difference. That is more than chance")
    assert "in 2% of such series" in words and "65% to 100%" in words
    paths.votes.unlink()
    paths.votes.mkdir()
    with pytest.raises(HeftError, match="could not be saved"):
        service.vote(both, "first", "Why?")
