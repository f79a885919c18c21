"""What to do about a failure, by a command's own options: services do not know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind


@contextmanager
def hints(by_kind: Mapping[FailureKind, str]) -> Iterator[None]:
    """Give failures of these kinds this hint."""
    try:
        yield
    except HeftError as error:
        error.hint = by_kind.get(error.kind, error.hint)
        raise
