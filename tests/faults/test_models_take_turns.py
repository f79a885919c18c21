"""Two models that do not fit together, asked for by many at once: they take turns, and no process dies of memory.

The servers run in a control group that holds one of them and not two; where none may be made, each under a limit of its
own (RLIMIT_DATA).
"""

from __future__ import annotations

import os
import resource
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from desktop.core.cancelled import never
from desktop.core.hardware import Memory
from desktop.core.load_settings import LoadSettings
from desktop.engine.endpoint.http import Endpoint
from desktop.engine.server import loading
from desktop.services.container import Container
from desktop.services.machine import machine
from desktop.services.serve.api import ServedModel
from desktop.store import options
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine
CGROUP = Path("/sys/fs/cgroup/memory")  # version 1; version 2 has no folder of that name
LIMIT = 500_000_000  # bytes; one of the models takes some 370 million
PEOPLE, ANSWERS = 4, 3


_others: set[int] = set()  # servers of fixtures that last longer than a test


def _servers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [one for one in children if "llama-server" in one.name() and one.pid not in _others]


def _private(process: psutil.Process) -> int:
    try:
        found = process.memory_info()
    except psutil.Error:
        return 0
    return int(found.rss - found.shared)


def _memory() -> Memory:
    """That of a computer which has as much as the limit."""
    return Memory(LIMIT, max(0, LIMIT - sum(map(_private, _servers()))))


@pytest.fixture
def confine() -> Iterator[Callable[[int], None]]:
    """Puts a server where its memory is limited."""
    _others.update(one.pid for one in _servers())
    group = CGROUP / f"heft-turns-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError:

        def limit(pid: int) -> None:
            resource.prlimit(pid, resource.RLIMIT_DATA, (LIMIT, LIMIT))

        yield limit
        return

    def move(pid: int) -> None:
        (group / "cgroup.procs").write_text(str(pid))

    yield move
    group.rmdir()


class Person(threading.Thread):
    """Asks now the one model, now the other."""

    def __init__(self, container: Container, models: list[ServedModel], number: int) -> None:
        super().__init__()
        self._lender, self._models, self._number = container.lender, models, number
        self.answers: list[str] = []
        self.together = 0

    def run(self) -> None:
        for turn in range(ANSWERS):
            model = self._models[(self._number + turn) % len(self._models)]
            lease = self._lender.acquire(model, "text", never)
            try:
                self.together = max(self.together, len(_servers()))
                body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4, "temperature": 0}
                told = Endpoint(lease.address).post("/v1/chat/completions", body, deadline_seconds=120)
                self.answers.append(told["choices"][0]["message"]["content"])
            finally:
                lease.release()


def test_two_that_do_not_fit_together_take_turns(
    paths: Paths, starter_model: Path, confine: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "limit_memory", confine)
    monkeypatch.setattr(loading, "limit_growth", lambda *_: None)
    monkeypatch.setattr(machine, "read_memory", _memory)
    paths.models.mkdir(parents=True)
    for name in ("First-Q4_1.gguf", "Second-Q4_1.gguf"):
        shutil.copyfile(starter_model, paths.models / name)
    with Container(paths) as container:
        container.settings.set(options.RAM_RESERVE, 0)
        models = [found for name in ("first", "second") if (found := container.lender.find(name)) is not None]
        assert len(models) == 2
        for model in models:
            container.planning.remember(model.ref, LoadSettings(context=8192, slots=1))
        people = [Person(container, models, number) for number in range(PEOPLE)]
        for person in people:
            person.start()
        for person in people:
            person.join(300)
        assert [len(person.answers) for person in people] == [ANSWERS] * PEOPLE
        assert len({answer for person in people for answer in person.answers}) == 1
        assert max(person.together for person in people) == 1
