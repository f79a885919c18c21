"""How a chat with a model is sampled: its file's and its repository's defaults, and what its user changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gguf_bytes import F32, I32, model

from desktop.core.sampling_defaults import NO_DEFAULTS, SamplingDefaults
from desktop.engine.api import Sampling
from desktop.services.chat.sampling import SamplingService, sampling_of
from desktop.services.container import Container
from desktop.store.fetched import FetchedFile
from desktop.store.paths import Paths


def recommending(path: Path, temperature: float, **whole: int) -> Path:
    made = model()
    made.metadata.append(("general.sampling.temp", F32, temperature))
    made.metadata += [(f"general.sampling.{key}", I32, value) for key, value in whole.items()]
    return made.write(path)


@pytest.fixture
def service() -> SamplingService:
    return SamplingService(lambda _path: {})


def test_the_file_is_asked_again_when_it_has_changed(service: SamplingService, tmp_path: Path) -> None:
    path = recommending(tmp_path / "a.gguf", 0.6, top_k=20)
    assert service.defaults(path).model == {"temperature": 0.6, "top_k": 20}
    assert service.defaults(path).model == {"temperature": 0.6, "top_k": 20}
    recommending(path, 1.0, top_k=64, mirostat=2)
    assert service.defaults(path).model == {"temperature": 1.0, "top_k": 64, "mirostat": 2}


def test_no_model_and_a_file_that_cannot_be_read_have_no_defaults(service: SamplingService, tmp_path: Path) -> None:
    assert service.defaults(None) == NO_DEFAULTS
    assert service.defaults(tmp_path / "gone.gguf") == NO_DEFAULTS
    (tmp_path / "text.gguf").write_text("no model")
    assert service.defaults(tmp_path / "text.gguf") == NO_DEFAULTS


def test_the_engine_is_asked_for_what_was_set_over_the_models_over_hefts() -> None:
    defaults = SamplingDefaults({"temperature": 0.6}, {"temperature": 0.9, "top_p": 0.8})
    chosen = {"top_k": 7, "stop": ["END"], "logit_bias": [["no", -5]], "json_schema": '{"type": "object"}'}
    assert sampling_of(defaults, chosen) == Sampling(
        temperature=0.6, top_p=0.8, top_k=7, stop=("END",), logit_bias=(("no", -5.0),),
        json_schema='{"type": "object"}',
    )  # fmt: skip
    assert sampling_of(NO_DEFAULTS, {}) == Sampling()


def test_what_a_download_brought_is_the_models(paths: Paths, tmp_path: Path) -> None:
    path = recommending(tmp_path / "a.gguf", 0.6)
    with Container(paths) as container:
        container.fetched.add(
            FetchedFile(local=str(path), repo="o/r", path="a.gguf", sampling={"temperature": 0.9, "top_p": 0.8})
        )
        assert container.sampling.defaults(path) == SamplingDefaults(
            {"temperature": 0.6}, {"temperature": 0.9, "top_p": 0.8}
        )
