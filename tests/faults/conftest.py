"""What the tests of the table "What Heft promises" share: how often, and a small model that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.desk import Desk
from support.forge import TINY, forge
from support.program import screen

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
    """Two layers of nonsense with a real vocabulary: it writes until it is stopped, hundreds of tokens a second."""
    folder = tmp_path_factory.mktemp("small")
    return forge(folder / "small-Q4_K_M.gguf", TINY, "Q4_K", vocab_dir / "ggml-vocab-gpt-2.gguf")


@pytest.fixture
def desk(paths: Paths) -> Iterator[Desk]:
    made = Desk(paths)
    yield made
    made.close()


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    with screen(tmp_path) as number:
        yield number
