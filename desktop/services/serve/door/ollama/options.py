"""Ollama's options and common fields, as an engine takes them.

https://github.com/ollama/ollama/blob/main/docs/api.md. How a model is loaded is Heft's plan, so ``num_ctx``,
``num_gpu``, ``num_thread`` and their like are taken and left aside.
"""

from __future__ import annotations

import re
from typing import Any

from desktop.services.serve.door.conversation import ANY_OBJECT
from desktop.services.serve.door.fields import Fields
from desktop.services.serve.door.reading import given

_WHOLE = {  # Ollama's name: the engine's, the least and the most
    "num_keep": ("n_keep", -1, 1 << 30),
    "seed": ("seed", -(1 << 31), (1 << 32) - 1),
    "top_k": ("top_k", -1, 1 << 30),
    "repeat_last_n": ("repeat_last_n", -1, 1 << 30),
    "mirostat": ("mirostat", 0, 2),
}
_NUMBERS = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "repeat_penalty": (0, 100),
    "presence_penalty": (-100, 100),
    "frequency_penalty": (-100, 100),
    "mirostat_tau": (0, 100),
    "mirostat_eta": (0, 100),
}
_MOST_STOPS = 64
_DURATION = re.compile(r"[+-]?(?:0|(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+")
_LONGEST_DURATION = 64  # characters
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")


def sampling(request: Fields) -> dict[str, Any]:
    """What ``options`` say about how tokens are chosen. Raises DoorError."""
    options = request.nested("options")
    if options is None:
        return {}
    found = given(**{theirs: options.whole(name, low, high) for name, (theirs, low, high) in _WHOLE.items()})
    found |= given(**{name: options.number(name, low, high) for name, (low, high) in _NUMBERS.items()})
    limit = options.whole("num_predict", -2, 1 << 30)
    if limit is not None and limit >= 0:  # -1: until the model ends, -2: until the context is full
        found["n_predict"] = limit
    stops = options.texts("stop", _MOST_STOPS)
    return found | ({"stop": stops} if stops else {})


def schema(request: Fields) -> dict[str, Any] | None:
    """``format``: "json", or a JSON schema. Raises DoorError."""
    value = request.body.get("format")
    if value in (None, "", {}):
        return None
    if value == "json":
        return ANY_OBJECT
    if not isinstance(value, dict):
        raise request.wrong("format", 'is to be "json" or a JSON schema.', "invalid_value")
    return value


def thinking(request: Fields) -> tuple[bool | None, str]:
    """``think``: whether, and how much; None and "" leave it to the model. Raises DoorError."""
    value = request.body.get("think")
    if value is None or value == "":
        return None, ""
    if isinstance(value, bool):
        return value, ""
    effort = request.choice("think", "low", "medium", "high", "max") or ""
    return True, "high" if effort == "max" else effort


def top_logprobs(request: Fields) -> int | None:
    """How many alternatives are wanted for each token; None where no log probabilities are. Raises DoorError."""
    return request.whole("top_logprobs", 0, 20) or 0 if request.flag("logprobs") else None


def unloads(request: Fields) -> bool:
    """Whether ``keep_alive`` is 0: the model is to go at once. How long it stays otherwise is Heft's option. Raises
    DoorError.
    """
    value = request.body.get("keep_alive")
    if isinstance(value, str):
        if len(value) > _LONGEST_DURATION or (not _DURATION.fullmatch(value) and not _NUMBER.fullmatch(value)):
            raise request.wrong("keep_alive", f"'{value[:40]}' is no duration such as \"5m\".", "invalid_value")
        return not any(digit in value for digit in "123456789")
    number = request.number("keep_alive", -(1 << 62), 1 << 62)
    return number == 0
