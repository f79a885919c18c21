"""How quick machines are: asked once for each, and anew after one was measured."""

from __future__ import annotations

import threading

import msgspec
from support.planning import PLAIN

from desktop.core.hardware import Cpu, Machine
from desktop.services.discover.picker_rates import MachineRates
from desktop.services.discover.target_machine import TargetMachine
from desktop.services.planning.attention import Rates

OTHER = msgspec.structs.replace(PLAIN, cpu=Cpu("elsewhere"))


class _Nothing:
    basis = None

    def speeds(self, *_: object, flash: bool = True) -> None:
        return None

    def without_flash(self, *_: object) -> float:
        return 1.0


class _Asked:
    """Counts; the first question waits for ``go``."""

    def __init__(self) -> None:
        self.count = 0
        self.asked, self.go = threading.Event(), threading.Event()

    def on(self, machine: Machine) -> Rates:
        self.count += 1
        if self.count == 1:
            self.asked.set()
            assert self.go.wait(30)
        return _Nothing()


def test_a_machine_is_asked_once_until_forgotten() -> None:
    source = _Asked()
    source.go.set()
    rates, here, there = MachineRates(source), TargetMachine(PLAIN, own=True), TargetMachine(OTHER)

    assert rates.on(here) is rates.on(here) and source.count == 1
    assert rates.on(there) is not rates.on(here) and source.count == 2

    rates.forget()
    rates.on(here)
    assert source.count == 3


def test_an_answer_from_before_a_measurement_is_not_kept() -> None:
    source = _Asked()
    rates, here = MachineRates(source), TargetMachine(PLAIN, own=True)
    early = threading.Thread(target=rates.on, args=(here,))
    early.start()
    assert source.asked.wait(30)

    rates.forget()  # the machine was measured while the first question was under way
    source.go.set()
    early.join(30)

    rates.on(here)
    assert source.count == 2


def test_without_a_source_nothing_is_known() -> None:
    assert MachineRates(None).on(TargetMachine(OTHER)).rates is None
