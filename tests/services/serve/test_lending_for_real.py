"""The lender with real servers: what it lends answers, and is gone when nobody wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.forge_encoder import WIDTH, forge_encoder

from desktop.core.cancelled import never
from desktop.core.load_settings import LoadSettings
from desktop.engine.endpoint.http import Address, Endpoint
from desktop.services.container import Container
from desktop.services.serve.api import ModelState
from desktop.services.serve.estimates import estimates
from desktop.services.serve.room import need_of
from desktop.services.serve.status import planned_bytes
from desktop.store.paths import Paths

pytestmark = pytest.mark.engine


@pytest.fixture
def container(paths: Paths, starter_model: Path) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


class Many(threading.Thread):
    """One of several answers at once."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self.answer = ""
        self.start()

    def run(self) -> None:
        body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16, "temperature": 0}
        told = Endpoint(self._address).post("/v1/chat/completions", body, deadline_seconds=120)
        self.answer = told["choices"][0]["message"]["content"]


def test_several_are_answered_side_by_side_in_what_was_planned(container: Container) -> None:
    lender = container.lender
    model = lender.find("starter")
    assert model is not None
    lease = lender.acquire(model, "text", never)
    assert lease.plan.slots == lease.loaded.slots == 4 and lease.plan.fit is not None
    planned, real = lease.plan.fit.memory, lease.loaded.memory
    assert (planned.kv_bytes, planned.compute_bytes) == (real.kv_bytes, real.compute_bytes)
    assert planned.output_bytes == real.output_bytes
    assert planned.weights_bytes == pytest.approx(real.weights_bytes, rel=1e-4)  # the log has two digits
    slots = Endpoint(lease.address).get("/slots", deadline_seconds=30)
    assert [slot["n_ctx"] for slot in slots] == [lease.plan.context] * 4
    asking = [Many(lease.address) for _ in range(6)]
    for one in asking:
        one.join(120)
    assert len({one.answer for one in asking}) == 1 and asking[0].answer
    lease.release()


def test_what_is_announced_before_a_load_is_what_comes(container: Container) -> None:
    """Its context exactly; its memory by formulas, which take no part of the engine's own plan."""
    lender = container.lender
    model = lender.find("starter")
    assert model is not None
    for settings in (LoadSettings(), LoadSettings(context=700)):
        container.planning.remember(model.ref, settings)
        announced = lender.context(model)
        before = estimates(container.planning, (model,), never)[model.name]
        lease = lender.acquire(model, "text", never)
        assert announced == before.context == lease.loaded.context_length
        assert before.slots == lease.loaded.slots == 4 and lease.plan.fit is not None and before.fit is not None
        held = sum(need_of(lease.plan).values())
        assert planned_bytes(ModelState(model, plan=before)) == pytest.approx(held, rel=0.1)
        lease.release()
        lender.unload(model)


def test_what_is_remembered_of_a_model_decides(container: Container) -> None:
    lender = container.lender
    model = lender.find("starter")
    assert model is not None
    container.planning.remember(model.ref, LoadSettings(context=512, slots=2))
    lease = lender.acquire(model, "text", never)
    assert (lease.loaded.context_length, lease.loaded.slots, lease.plan.slots) == (512, 2, 2)
    lease.release()


def test_vectors_and_scores_are_made_by_models_that_are_made_for_them(container: Container, vocab_dir: Path) -> None:
    container.paths.models.mkdir(parents=True)
    forge_encoder(container.paths.models / "Embed-Small-Q8_0.gguf", vocab_dir)
    forge_encoder(container.paths.models / "Rank-Small-Q8_0.gguf", vocab_dir, ranks=True)
    lender = container.lender
    embeds, ranks = lender.find("embed-small"), lender.find("rank-small")
    assert embeds is not None and ranks is not None
    lease = lender.acquire(embeds, "embedding", never)
    text = "a word and another " * 60  # more than a batch of the chat's, in one piece
    told = Endpoint(lease.address).post("/v1/embeddings", {"input": [text, "b"]}, deadline_seconds=60)
    assert [len(one["embedding"]) for one in told["data"]] == [WIDTH, WIDTH]
    assert lease.plan.fit is not None and lease.plan.fit.method == "engine"
    assert lease.plan.fit.memory.compute_bytes == lease.loaded.memory.compute_bytes
    second = lender.acquire(ranks, "rerank", never)
    asked = {"query": "what", "documents": ["one", "two", "three"]}
    told = Endpoint(second.address).post("/v1/rerank", asked, deadline_seconds=60)
    assert sorted(one["index"] for one in told["results"]) == [0, 1, 2]
    lease.release()
    second.release()


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
