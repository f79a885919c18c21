"""The real engine, and models forged for one purpose each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import DrivenEngine, driven_engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DrivenEngine]:
    with driven_engine(tmp_path) as driven:
        yield driven
