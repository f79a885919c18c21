"""Which model a start loads: the last one, here or on another server, else the starter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.core.errors import NotFoundError
from desktop.core.model_ref import ModelRef, local_ref
from desktop.services.models.first_model import first_model

STARTER = local_ref(Path("/models/starter.gguf"))
REMOTE = ModelRef("a", "endpoint:studio/a")


class Library:
    """Has a starter, a small model and one that no computer has the memory for."""

    def resolve(self, name: str) -> Any:
        sizes = {"starter": 1, "/models/small.gguf": 1, "/models/huge.gguf": 1 << 60}
        if name not in sizes:
            raise NotFoundError("It is gone.", "Choose another.")
        ref = STARTER if name == "starter" else local_ref(Path(name))
        return SimpleNamespace(ref=ref, size_bytes=sizes[name])


def answering(identity: str) -> ModelRef:
    if identity != REMOTE.identity:
        raise NotFoundError("There is no such server.", "Add it.")
    return REMOTE


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("", STARTER),
        ("/models/small.gguf", local_ref(Path("/models/small.gguf"))),
        ("/models/huge.gguf", STARTER),
        ("/models/gone.gguf", STARTER),
        (REMOTE.identity, REMOTE),
        ("endpoint:removed/a", STARTER),
    ],
)
def test_the_last_model_or_the_starter(last: str, first: ModelRef) -> None:
    found = first_model(Library(), answering, last)  # type: ignore[arg-type]
    assert found.ref == first
    assert (found.missed is not None) == (last == "endpoint:removed/a")


def test_why_another_server_s_model_is_not_it_is_told_with_what_is_loaded() -> None:
    missed = first_model(Library(), answering, "endpoint:removed/a").missed  # type: ignore[arg-type]
    assert missed is not None and missed.hint == "Add it."
    assert missed.message == "There is no such server. The starter model is loaded in its place."
