"""What a person can do when the system's loader refuses a library of the engine's."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

from desktop.core.failures import FailureKind
from desktop.core.loader_words import Trouble, find_trouble
from desktop.engine.cause import Cause, renew

_OWN = re.compile(r"^(lib)?(llama|ggml|gomp|python)|^llama_cpp")  # Heft brings these itself


def explain_loader(
    words: str, exit_code: int | None = None, environment: Mapping[str, str] = os.environ
) -> Cause | None:
    """The cause when a process of the engine's ended with these words of the loader's; None when it did not."""
    trouble = find_trouble(words, exit_code)
    if trouble is None:
        return None
    kind = FailureKind.MISSING_LIBRARY if trouble.fault == "missing" else FailureKind.UNFIT_LIBRARY
    reason = trouble.reason("the engine")
    return Cause(kind, reason[0].upper() + reason[1:], _hint(trouble, environment))


def _hint(trouble: Trouble, environment: Mapping[str, str]) -> str:
    for variable in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        if trouble.folder and trouble.folder in environment.get(variable, "").split(":"):
            return f"Start Heft without the variable {variable}, which names {trouble.folder}."
    system_wide = sys.platform == "linux" and trouble.name and not _OWN.match(trouble.name)
    if system_wide and trouble.fault == "missing":
        return f"Install the package of your system that holds {trouble.name}, then start Heft again."
    if system_wide and trouble.fault == "old" and getattr(sys, "frozen", False):
        return "Heft needs Debian 12, Ubuntu 22.04 or a newer system."
    return renew()
