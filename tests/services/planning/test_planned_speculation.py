"""Speculation is planned with its memory, or refused in words before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.engine import DrivenEngine, driven_engine
from support.forge import TINY, Shape, forge, vocabulary
from support.forge_mtp import forge_mtp

from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, local_ref
from desktop.core.placement import Fit
from desktop.core.speculation import PlainSpeed, Speculating
from desktop.engine.api import Load, Loaded
from desktop.services.container import Container
from desktop.services.planning.speculation import measured_plain
from desktop.store.ledger import Figures, Run
from desktop.store.paths import Paths

LARGE = Shape(layers=6, embedding=512, feed_forward=1024, heads=8, kv_heads=4)


@pytest.fixture
def container(paths: Paths) -> Iterator[Container]:
    with Container(paths) as made:
        yield made


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DrivenEngine]:
    with driven_engine(tmp_path) as driven:
        driven.hello()
        yield driven


@pytest.fixture
def gpt(vocab_dir: Path) -> Path:
    return vocab_dir / "ggml-vocab-gpt-2.gguf"


@pytest.fixture
def large(gpt: Path, tmp_path: Path) -> ModelRef:
    return local_ref(forge(tmp_path / "large.gguf", LARGE, "Q4_K", gpt))


@pytest.fixture
def small(gpt: Path, tmp_path: Path) -> Path:
    return forge(tmp_path / "small.gguf", TINY, "Q8_0", gpt)


def fit_of(plan: LoadPlan) -> Fit:
    assert plan.fit is not None, plan.note
    return plan.fit


# -- memory --------------------------------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.parametrize("kv", ["f16", "q8_0"])
@pytest.mark.parametrize("kind", ["ngram", "draft"])
def test_what_is_planned_is_what_both_models_take(
    container: Container, engine: DrivenEngine, large: ModelRef, small: Path, kind: str, kv: str
) -> None:
    draft = str(small) if kind == "draft" else None
    asked = LoadSettings(2048, kv, kv, threads=1, speculation=kind, draft=draft)  # type: ignore[arg-type]
    plan = container.planning.for_load(large, asked)
    engine.send(Load.of(plan))
    taken = engine.wait(Loaded).memory
    planned = fit_of(plan).memory
    assert plan.speculating == Speculating(kind, Path(draft) if draft else None)  # type: ignore[arg-type]
    assert planned.draft_bytes == pytest.approx(taken.draft_bytes, rel=0.005)
    assert planned.total_bytes == pytest.approx(taken.total_bytes, rel=0.005)
    assert planned.draft_bytes > (small.stat().st_size / 2 if draft else 1 << 20)


@pytest.mark.engine
def test_a_model_that_guesses_by_itself_is_planned_with_those_layers(
    container: Container, engine: DrivenEngine, gpt: Path, tmp_path: Path
) -> None:
    ref = local_ref(forge_mtp(tmp_path / "m.gguf", gpt))
    plain, plan = (
        container.planning.for_load(ref, LoadSettings(2048, threads=1, speculation=kind)) for kind in ("off", "mtp")
    )
    engine.send(Load.of(plan))
    taken, planned = engine.wait(Loaded).memory, fit_of(plan).memory
    assert fit_of(plain).memory.draft_bytes == 0
    assert planned.weights_bytes > fit_of(plain).memory.weights_bytes
    assert planned.recurrent_bytes == pytest.approx(taken.recurrent_bytes, abs=11_000)
    assert planned.draft_bytes == pytest.approx(taken.draft_bytes, rel=0.005)
    assert planned.total_bytes == pytest.approx(taken.total_bytes, rel=0.005)


@pytest.mark.engine
def test_formulas_say_the_same_of_a_draft_model(container: Container, large: ModelRef, small: Path) -> None:
    asked = LoadSettings(4096, draft=str(small))
    exact, formulas = (
        container.planning.weigh_source(str(large.path), asked, method=method).fit.memory
        for method in ("engine", "estimate")
    )
    assert formulas.draft_bytes == pytest.approx(exact.draft_bytes, rel=0.01)


# -- refusals ------------------------------------------------------------------------------------------


def refusal(container: Container, ref: ModelRef, **settings: object) -> str:
    with pytest.raises(UsageError) as told:
        container.planning.for_load(ref, LoadSettings(2048, **settings))  # type: ignore[arg-type]
    return f"{told.value.message} {told.value.hint}"


def test_a_file_without_such_layers_does_not_guess_by_itself(
    container: Container, large: ModelRef, gpt: Path, tmp_path: Path
) -> None:
    words = refusal(container, large, speculation="mtp")
    assert "no layers for multi-token prediction" in words and "draft model" in words
    promised = local_ref(forge_mtp(tmp_path / "promised.gguf", gpt, layers=False))
    assert "no layers for multi-token prediction" in refusal(container, promised, speculation="mtp")


@pytest.mark.parametrize(
    ("vocab", "words"),
    [("ggml-vocab-llama-spm.gguf", "tokenizer is llama, not gpt2"), ("ggml-vocab-qwen2.gguf", "tokens, not 50,257")],
)
def test_a_draft_of_another_vocabulary_is_refused(
    container: Container, large: ModelRef, vocab_dir: Path, tmp_path: Path, vocab: str, words: str
) -> None:
    other = forge(tmp_path / "other.gguf", TINY, "Q8_0", vocab_dir / vocab)
    told = refusal(container, large, draft=str(other))
    assert "cannot guess for" in told and words in told and "same family" in told


def test_a_draft_whose_words_differ_is_refused(
    container: Container, large: ModelRef, gpt: Path, tmp_path: Path
) -> None:
    tokens = vocabulary(gpt)["tokenizer.ggml.tokens"]
    raw = bytearray(tokens.value)
    at = raw.index(b"\x05\x00\x00\x00\x00\x00\x00\x00hello")
    raw[at + 8 : at + 13] = b"jello"
    changed = replace(tokens, value=bytes(raw))
    other = forge(tmp_path / "other.gguf", TINY, "Q8_0", gpt, tokenizer__ggml__tokens=changed)
    assert "is another" in refusal(container, large, draft=str(other))


def test_a_draft_that_is_none_is_refused(container: Container, large: ModelRef, tmp_path: Path) -> None:
    assert "needs one" in refusal(container, large, speculation="draft")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"nothing")
    assert "cannot be read" in refusal(container, large, draft=str(broken))


def test_it_is_remembered_where_the_draft_lies(
    container: Container, large: ModelRef, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    container.planning.remember(large, LoadSettings(draft=small.name))
    assert container.planning.settings_of(large).draft == str(small)


# -- what it is held against ---------------------------------------------------------------------------


def run(rate: float, **changes: object) -> Run:
    figures = {"measured_decode": rate, "tokens": 64, "context_used": 100} | changes
    return Run(
        0.0, "here", "llama.cpp", "answer", "m", "/m.gguf", "print", "Q4_K", 4096, "f16", 0, 2,
        Figures(**figures),  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_speed_without_is_that_of_earlier_runs() -> None:
    plan = LoadPlan(local_ref(Path("/m.gguf")), LoadSettings(), 2)
    runs = [run(99.0, drafted=40), run(99.0, disturbed=0.5), run(99.0, tokens=3), run(20.0), run(21.0), run(10.0)]
    assert measured_plain(runs, "print", plan).rate(100) == pytest.approx(20.0)
    assert measured_plain(runs, "other", plan).seconds == 0
    assert measured_plain([run(20.0)], "print", LoadPlan(plan.ref, LoadSettings(), 1)).seconds == 0


def test_a_longer_context_is_slower_without_too() -> None:
    plain = PlainSpeed.measured(10.0, 1000, growth=0.001)
    assert plain.rate(1000) == pytest.approx(10.0) and plain.rate(3000) == pytest.approx(5.0)
    assert PlainSpeed().rate(100) == 0.0
