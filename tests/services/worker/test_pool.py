"""RPC servers of a worker: one for each client, the first one kept, and no more than a few."""

from __future__ import annotations

import contextlib

import pytest

from desktop.services.worker.pool import MOST_SERVERS, ServerPool


class Server:
    def __init__(self, port: int) -> None:
        self.port, self.running, self.closed = port, True, False

    def close(self) -> None:
        self.running, self.closed = False, True


@pytest.fixture
def made() -> list[Server]:
    return [Server(1)]


@pytest.fixture
def pool(made: list[Server]) -> ServerPool:
    def make() -> Server:
        made.append(Server(len(made) + 1))
        return made[-1]

    return ServerPool(made[0], make)


def test_clients_in_turn_share_the_first(pool: ServerPool, made: list[Server]) -> None:
    for _ in range(3):
        with pool.port() as port:
            assert port == 1
    assert len(made) == 1


def test_clients_at_the_same_time_have_one_each(pool: ServerPool, made: list[Server]) -> None:
    with pool.port() as first, pool.port() as second, pool.port() as third:
        assert {first, second, third} == {1, 2, 3}
    assert [server.closed for server in made] == [False, True, False]  # the last to be given back finds one spare
    with pool.port() as first, pool.port() as second:
        assert first == 1 and second in (2, 3) and len(made) == 3


def test_one_that_died_is_not_given_to_anybody(pool: ServerPool, made: list[Server]) -> None:
    with pool.port(), pool.port():
        made[1].running = False
    with pool.port(), pool.port() as port:
        assert port == 3


def test_there_is_a_bound(pool: ServerPool) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_SERVERS):
            stack.enter_context(pool.port())
        with pytest.raises(OSError), pool.port():
            pass


def test_the_end_ends_all(pool: ServerPool, made: list[Server]) -> None:
    with pool.port(), pool.port():
        pool.close()
    assert all(server.closed for server in made)
