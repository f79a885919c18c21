"""A thousand random sequences of loads by several at once: no process ever takes memory that is not there."""

from __future__ import annotations

import random
import threading

import pytest
from support.lender_computer import GB, SECONDS, Computer, Desk, a_model

from desktop.core.errors import HeftError
from desktop.services.serve.api import ServedModel

SEQUENCES, STEPS, PEOPLE = 1000, 6, 4


class Person:
    """Asks for models, uses them, gives them back or up, unloads them."""

    def __init__(self, desk: Desk, models: list[ServedModel], dice: random.Random) -> None:
        self._desk, self._models, self._dice = desk, models, dice
        self.failures: list[HeftError] = []
        self.answers = 0

    def __call__(self) -> None:
        for _ in range(STEPS):
            model = self._dice.choice(self._models)
            patience = self._dice.randrange(4) if self._dice.random() < 0.2 else 1_000_000
            looks = iter(range(1_000_000))
            try:
                lease = self._desk.lender.acquire(model, "text", lambda p=patience, n=looks: next(n) > p)  # type: ignore[misc]
            except HeftError as error:
                self.failures.append(error)
                continue
            self.answers += 1
            if self._dice.random() < 0.1:
                for server in self._desk.computer.running[:1]:
                    if server.plan.ref.name == model.name and server.alive and self._dice.random() < 0.3:
                        self._desk.lender.unload(model)
            lease.release()


@pytest.mark.parametrize("part", range(4))
def test_nothing_dies_of_memory_in_any_order(part: int) -> None:
    for seed in range(part * SEQUENCES // 4, (part + 1) * SEQUENCES // 4):
        dice = random.Random(seed)
        total = dice.randrange(8, 16) * GB
        models = [a_model(f"m{number}", dice.randrange(1, 12) * GB) for number in range(dice.randrange(2, 6))]
        desk = Desk(Computer(total, others=dice.randrange(3) * GB), *models)
        people = [Person(desk, models, random.Random(seed * PEOPLE + n)) for n in range(PEOPLE)]
        threads = [threading.Thread(target=person) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), f"seed {seed}: somebody waits for ever"
        room = desk.computer.total - desk.computer.others
        kinds = {error.kind for person in people for error in person.failures}
        assert kinds <= {"cancelled", "out-of-memory"}, f"seed {seed}: {kinds}"
        if all(model.size_bytes <= room for model in models):
            assert "out-of-memory" not in kinds, f"seed {seed}"
        assert desk.computer.deaths == 0 and desk.computer.most_used <= room, f"seed {seed}"
        assert all(state.leases == 0 for state in desk.lender.states())
        desk.lender.close()
        assert desk.computer.running == [], f"seed {seed}: processes are left"
