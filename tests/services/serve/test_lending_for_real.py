"""The lender with real servers: what it lends answers, and is gone when nobody wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from desktop.core.cancelled import never
from desktop.engine.endpoint.http import Endpoint
from desktop.services.container import Container
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


@pytest.fixture
def container(paths: Paths, starter_model: Path) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


def test_the_starter_is_lent_by_its_name_and_answers(container: Container) -> None:
    lender = container.lender
    model = lender.find("STARTER")
    assert model is not None and model in lender.models()
    assert lender.find(model.name) is model and lender.find("no-such-model") is None
    lease = lender.acquire(model, "text", never)
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    answer = Endpoint(lease.address).post("/v1/chat/completions", body, deadline_seconds=60)
    assert answer["choices"][0]["message"]["content"]
    assert [state.phase for state in lender.states() if state.model is model] == ["answering"]
    pid = lease.loaded.pid
    assert psutil.pid_exists(pid)
    lease.release()
    assert [state.phase for state in lender.states() if state.model is model] == ["ready"]
    again = lender.acquire(model, "text", never)
    assert again.loaded.pid == pid
    again.release()
    lender.close()
    assert not psutil.pid_exists(pid)
