"""Formulas through their own process: kept, bounded in time, and never an error to whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from desktop.services.chat.formulas import FormulaService


@pytest.fixture
def service() -> Iterator[FormulaService]:
    made = FormulaService()
    yield made
    made.close()


def test_a_formula_comes_and_is_kept(service: FormulaService) -> None:
    made = service.outline(r"\frac{a}{b}", display=True)
    assert made is not None and made.commands
    assert service.outline(r"\frac{a}{b}", display=True) is made
    inline = service.outline(r"\frac{a}{b}", display=False)
    assert inline is not None and inline.ascent < made.ascent


def test_what_cannot_be_typeset_is_none_and_the_next_one_comes(service: FormulaService) -> None:
    assert service.outline(r"\foo", display=False) is None
    assert service.outline("{" * 5000, display=False) is None
    assert service.outline("y", display=False) is not None


def test_threads_may_ask_at_once(service: FormulaService) -> None:
    found: list[object] = []

    def ask(number: int) -> None:
        found.append(service.outline(f"x_{{{number}}}", display=False))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and None not in found


def test_one_that_takes_too_long_is_none_and_its_process_is_replaced() -> None:
    service = FormulaService(deadline_seconds=0.0)
    try:
        assert service.outline(r"\frac{a}{b}" * 100, display=True) is None
    finally:
        service.close()


def test_after_its_close_nothing_is_left_running() -> None:
    service = FormulaService()
    service.outline("x", display=False)
    service.close()
    assert not service.running
