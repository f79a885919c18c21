"""Probes and measurements in a short-lived process of their own: nothing they do can hang, crash or fill this one."""

from __future__ import annotations

import subprocess
from typing import TypeVar

import msgspec

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.loader_words import find_trouble
from desktop.core.words import tr
from desktop.system.child import command
from desktop.system.spawn import child_environment

T = TypeVar("T")


class ChildError(HeftError):
    """A helper process failed or took too long."""

    kind = FailureKind.PROBE


def ask_child(module: str, answer: type[T], *, seconds: float, what: str) -> T:
    """Run ``python -P -m module`` and decode the JSON it prints; ChildError after ``seconds`` or on any failure.

    ``what`` names it in the error ("The NVIDIA probe").
    """
    try:
        done = subprocess.run(
            command(module),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**child_environment(), "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise ChildError(
            tr("{what} took longer than {seconds:g} seconds and was stopped.", what=what, seconds=seconds)
        ) from error
    except OSError as error:
        raise ChildError(tr("{what} could not be started: {strerror}.", what=what, strerror=error.strerror)) from error
    errors = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        trouble = find_trouble(errors, done.returncode)
        last = errors.splitlines()[-1] if errors else f"exit code {done.returncode}"
        raise ChildError(f"{what} failed: {trouble.reason('it') if trouble else f'{last}.'}", detail=errors)
    try:
        return msgspec.json.decode(done.stdout, type=answer)
    except msgspec.DecodeError as error:
        raise ChildError(tr("{what} gave no answer.", what=what), detail=errors) from error
