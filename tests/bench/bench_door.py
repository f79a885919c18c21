"""The door for other programs beside a stock llama-server of the same build: first token, tokens per second, memory.

Stock is as anybody starts it: over TCP, with a key and its own defaults, but with as many slots and threads as the
server behind the door. Both are asked by the same client for the same tokens, in turns, with one client and with four;
the one that is not asked computes nothing.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Figure, median_ratio
from support.lending import KEY, OneAddress, served_file
from support.stock_server import stock_server

from desktop.engine.endpoint.http import Address
from desktop.system.cores import physical_threads

HERE = Path(__file__).parent
_TOKENS = 128
_SLOTS, _CONTEXT = 4, 2048  # as served_file starts it; tokens of each slot
_WORDS = "The tide comes in and the tide goes out. "


@dataclass(frozen=True)
class Took:
    """One answer: seconds to its first token, and from there tokens per second."""

    first: float
    rate: float


def _ask(connection: http.client.HTTPConnection, number: int) -> Took:
    """An answer of so many tokens; each asks something of its own, so that none is helped by another's cache."""
    body = {
        "model": "starter", "stream": True, "temperature": 0, "max_tokens": _TOKENS, "ignore_eos": True,
        "messages": [{"role": "user", "content": f"{number} {_WORDS * 3}"}],
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    began = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    times: list[float] = []
    for line in response:
        if line.startswith(b"data: {") and b'"content":"' in line and b'"content":""' not in line:
            times.append(time.monotonic())
    connection.close()
    assert len(times) > 0.9 * _TOKENS, f"{len(times)} of {_TOKENS} tokens came"
    return Took(times[0] - began, (len(times) - 1) / (times[-1] - times[0]))


def _several(make: Callable[[], http.client.HTTPConnection], clients: int, number: int) -> tuple[float, float]:
    """Median seconds to the first token, and tokens per second in sum."""
    with ThreadPoolExecutor(clients) as pool:
        began = time.monotonic()
        found = list(pool.map(lambda at: _ask(make(), number * 100 + at), range(clients)))
        taken = time.monotonic() - began
    if clients == 1:
        return found[0].first, found[0].rate
    return statistics.median(each.first for each in found), clients * _TOKENS / taken


def _compare(address: str, stock: Address, clients: int, rounds: int) -> list[Figure]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    through = lambda: http.client.HTTPConnection(host, int(port))  # noqa: E731
    firsts: list[tuple[float, float]] = []
    rates: list[tuple[float, float]] = []
    for number in range(rounds):
        order: list[Callable[[], http.client.HTTPConnection]] = [
            through,
            lambda: http.client.HTTPConnection(stock.host, stock.port),
        ]
        if number % 2:
            order.reverse()
        took = {make: _several(make, clients, 2 * number + at) for at, make in enumerate(order)}
        ours, theirs = (took[make] for make in sorted(order, key=lambda make: make is not through))
        firsts.append((ours[0], theirs[0]))
        rates.append((ours[1], theirs[1]))
    later = 1000 * statistics.median(ours - theirs for ours, theirs in firsts)
    ratio = median_ratio(rates)
    named = "1 client" if clients == 1 else f"{clients} clients"
    return [
        Figure(
            f"first token through the door − stock llama-server, {named}, ms",
            _sides(firsts, 1000, "ms"), later, "at most 5 ms", later <= 5,
        ),
        Figure(
            f"tok/s through the door ÷ stock llama-server, {named}{' in sum' if clients > 1 else ''}",
            _sides(rates, 1, "tok/s"), ratio, "at least 0.97", ratio >= 0.97,
        ),
    ]  # fmt: skip


def _sides(pairs: Sequence[tuple[float, float]], factor: float, unit: str) -> str:
    ours, theirs = (statistics.median(column) * factor for column in zip(*pairs, strict=True))
    return f"{ours:.1f} beside {theirs:.1f} {unit}"


_DOOR = """
import sys
from pathlib import Path
from support.lending import KEY, OneAddress, open_door, served
from desktop.engine.endpoint.http import Address
from desktop.system.cores import physical_threads
lender = OneAddress(Address(Path(sys.argv[1])), (served("starter"),))
with open_door(lender) as door:
    print(door.address, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _door(lender: OneAddress) -> Iterator[str]:
    """The address of a door in a process of its own, as its clients are."""
    command = [sys.executable, "-c", _DOOR, str(lender.address.socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_found_here()) as door:
        assert door.stdout is not None
        assert door.stdin is not None
        try:
            address = door.stdout.readline().strip()
            assert address, "the door did not open"
            yield address
        finally:
            door.stdin.close()


def _found_here() -> dict[str, str]:
    """The environment of a process that finds the same modules as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


_MEMORY = """
import http.client
import psutil
from desktop.services.container import Container
from desktop.services.serve import api
before = psutil.Process().memory_info().rss
from desktop.services.serve.door.door import Door
from desktop.services.serve.door.settings import DoorSettings
class Nobody:
    def models(self): return ()
    def find(self, name): return None
door = Door(Nobody(), DoorSettings(key="k" * 40))
door.start()
for _ in range(200):
    connection = http.client.HTTPConnection(door.address.removeprefix("http://"))
    connection.request("GET", "/v1/models", headers={"Authorization": "Bearer " + "k" * 40})
    assert connection.getresponse().status == 200
    connection.close()
print(psutil.Process().memory_info().rss - before)
door.close()
"""


def memory() -> Figure:
    """What the door adds to a process, after some requests."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY], capture_output=True, text=True, env=_found_here(), check=False
    )
    assert done.returncode == 0, done.stderr
    taken = int(done.stdout) / 1e6
    return Figure("memory that the door adds to its process", f"{taken:.0f} MB", taken, "below 60 MB", taken < 60)


def figures(starter: Path, quick: bool) -> list[Figure]:
    """All figures of this file."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    rounds = 4 if quick else 12
    context, cores = _SLOTS * _CONTEXT, physical_threads()
    threads = ("--threads", str(cores), "--threads-batch", str(cores))
    with (
        tempfile.TemporaryDirectory() as folder,
        served_file(starter, Path(folder), *threads, context_length=context) as lender,
        stock_server(starter, KEY, context, _SLOTS, cores) as stock,
        _door(lender) as address,
    ):
        _compare(address, stock, 1, 1)  # both are warm
        found = [figure for clients in (1, _SLOTS) for figure in _compare(address, stock, clients, rounds)]
    return [*found, memory()]


if __name__ == "__main__":
    from measure import markdown

    from desktop.store.starter import find_starter

    _starter = find_starter()
    assert _starter is not None
    _found: Any = figures(_starter, "--quick" in sys.argv)
    print(markdown(_found))
