"""How tokens are chosen: OpenAI's fields and llama.cpp's further ones, checked, under llama.cpp's names."""

from __future__ import annotations

from typing import Any

from desktop.services.serve.door.fields import Fields

MOST_TOKENS = 2**31 - 1
_STOPS = 32
_BIAS = 100.0
# llama.cpp's own, as its server takes them (tools/server/README.md): name, least, most
_NUMBERS: tuple[tuple[str, float, float], ...] = (
    ("min_p", 0, 1), ("typical_p", 0, 1), ("top_n_sigma", -1, 100), ("xtc_probability", 0, 1), ("xtc_threshold", 0, 1),
    ("repeat_penalty", 0, 10), ("dry_multiplier", 0, 100), ("dry_base", 0, 100), ("dynatemp_range", 0, 10),
    ("dynatemp_exponent", 0, 100), ("mirostat_tau", 0, 100), ("mirostat_eta", 0, 10),
)  # fmt: skip
_WHOLE: tuple[tuple[str, int, int], ...] = (
    ("top_k", -1, MOST_TOKENS), ("repeat_last_n", -1, MOST_TOKENS), ("mirostat", 0, 2),
    ("dry_allowed_length", 0, MOST_TOKENS), ("dry_penalty_last_n", -1, MOST_TOKENS), ("min_keep", 0, MOST_TOKENS),
)  # fmt: skip


def options(fields: Fields) -> dict[str, Any]:
    """What is set, and nothing else. Raises DoorError (400)."""
    found: dict[str, Any] = {
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1),
        "presence_penalty": fields.number("presence_penalty", -2, 2),
        "frequency_penalty": fields.number("frequency_penalty", -2, 2),
        "seed": fields.whole("seed", -(2**63), 2**63 - 1),
        "stop": fields.texts("stop", _STOPS),
        "logit_bias": _biases(fields),
    }
    found |= {name: fields.number(name, least, most) for name, least, most in _NUMBERS}
    found |= {name: fields.whole(name, low, high) for name, low, high in _WHOLE}
    if found["seed"] is not None:
        found["seed"] %= 2**31  # the engine's are 32 bits wide
    if found["stop"] is not None:
        found["stop"] = [each for each in found["stop"] if each]
    if fields.flag("ignore_eos"):
        found["ignore_eos"] = True
    return {name: value for name, value in found.items() if value is not None}


def limit(fields: Fields) -> int | None:
    """How many tokens an answer may have, by the first field that says it; llama.cpp's own may say -1, no limit."""
    named = [fields.whole(name, 1, MOST_TOKENS) for name in ("max_completion_tokens", "max_tokens")]
    own = fields.whole("n_predict", -1, MOST_TOKENS)
    if own == 0:
        raise fields.wrong("n_predict", "0 is less than 1, the least.", "integer_below_min_value")
    return next((each for each in (*named, own) if each is not None), None)


def _biases(fields: Fields) -> list[list[int | float]] | None:
    given = fields.nested("logit_bias")
    if given is None:
        return None
    found: list[list[int | float]] = []
    for token in given.body:
        if not (token.isascii() and token.isdecimal()) or len(token) > 9:
            raise given.wrong(token[:20], "is to be the number of a token.", "invalid_type")
        bias = given.number(token, -_BIAS, _BIAS)
        if bias is not None:
            found.append([int(token), bias])
    return found
