"""A file that is known to be broken is refused before the model that is loaded is let go."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import gguf_bytes as g
from support.plans import plain_plan

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.model_ref import local_ref
from desktop.services.container import Container
from desktop.services.engine.supervisor import EngineState
from desktop.store.paths import Paths


def _within_the_weights(content: bytes) -> bytes:
    return content[:-1000]


def _within_the_header(content: bytes) -> bytes:
    return content[:100]


def _no_gguf(content: bytes) -> bytes:
    return b"nothing of a model" * 100


@pytest.mark.parametrize("damage", [_within_the_weights, _within_the_header, _no_gguf])
def test_it_is_refused_and_what_is_loaded_stays(paths: Paths, tmp_path: Path, damage: object) -> None:
    whole = g.model().write(tmp_path / "whole.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(damage(whole.read_bytes()))  # type: ignore[operator]
    with Container(paths) as made:
        held = EngineState("ready", plain_plan(str(whole), name="whole"))
        made.engine._set(held)
        plan = made.planning.for_load(local_ref(broken))
        with pytest.raises(HeftError) as refused:
            made.engine.load(plan)
        assert made.engine.state == held and made.engine.last_plan is None
    assert refused.value.kind == FailureKind.BAD_FILE and "broken" in refused.value.message and refused.value.hint


def test_a_cut_off_file_says_so(paths: Paths, tmp_path: Path) -> None:
    whole = g.model().write(tmp_path / "whole.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(whole.read_bytes()[:-1000])
    with Container(paths) as made:
        assert made.planning.for_load(local_ref(whole)).fault is None
        assert "The file is incomplete: 1 of its" in made.planning.for_load(local_ref(broken)).note
