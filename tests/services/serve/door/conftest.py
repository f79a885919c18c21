"""A door before a server that says what a test scripts; and, with an engine, before the starter and scripted models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lending import OneAddress, open_door, served, served_file
from support.scripted_server import ScriptedServer, scripted_server
from support.talkers import caller, thinker

from desktop.core.model_kind import ModelKind
from desktop.services.serve.door.door import Door

MODELS = (
    served("talker", ModelKind.CHAT, "talker:latest", context_length=2048, modified=1_700_000_000),
    served("vectors", ModelKind.EMBEDDING),
    served("ranker", ModelKind.RERANKER),
    served("t5", ModelKind.ENCODER_DECODER),
)  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ScriptedServer]:
    with scripted_server(tmp_path) as server:
        yield server


@pytest.fixture
def lender(engine: ScriptedServer) -> OneAddress:
    return OneAddress(engine.address, MODELS)


@pytest.fixture
def door(lender: OneAddress) -> Iterator[Door]:
    with open_door(lender) as opened:
        yield opened


@pytest.fixture(scope="module")
def starter(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("serve")
    with served_file(starter_model, folder, context_length=8192) as lender, open_door(lender) as opened:
        yield opened


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("calls")
    caller(folder / "m.gguf")
    with (
        served_file(folder / "m.gguf", folder, name="caller", context_length=16384) as lender,
        open_door(lender) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("thinks")
    thinker(folder / "m.gguf")
    with (
        served_file(folder / "m.gguf", folder, name="thinker", context_length=16384) as lender,
        open_door(lender) as opened,
    ):
        yield opened
