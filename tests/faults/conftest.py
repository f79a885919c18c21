"""What the tests of the table "What Heft promises" share: how often, and a small model that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.desk import ENDLESS_CONTEXT, Desk
from support.forge import TINY, forge
from support.program import screen

from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import identity_of
from desktop.store.load_settings import LoadSettingsStore
from desktop.store.paths import Paths

Rounds = Callable[[int, int], int]


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """``rounds(bounded, whole)``: how often to repeat; the whole with --full, --rounds N overrules both."""

    def count(bounded: int, whole: int) -> int:
        wanted: int = request.config.getoption("--rounds")
        return wanted or (whole if request.config.getoption("--full") else bounded)

    return count


@pytest.fixture(scope="session")
def small_model(vocab_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of nonsense with a real vocabulary: it writes until it is stopped, or its context is full.

    At a thousand tokens a second the default context is full after four seconds: whoever needs an answer that is still
    being written loads it with ENDLESS_CONTEXT.
    """
    folder = tmp_path_factory.mktemp("small")
    shape = replace(TINY, context_length=ENDLESS_CONTEXT)
    return forge(folder / "small-Q4_K_M.gguf", shape, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")


@pytest.fixture
def endless_model(small_model: Path, paths: Paths) -> Path:
    """The small model as the window loads it when it is to write until it is stopped: its context is remembered."""
    paths.data.mkdir(parents=True, exist_ok=True)
    remembered = LoadSettingsStore(paths.load_settings)
    remembered.set(identity_of(small_model), LoadSettings(context=ENDLESS_CONTEXT))
    return small_model


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    with screen(tmp_path) as number:
        yield number
