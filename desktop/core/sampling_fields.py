"""How a model chooses tokens: what a person may set, each field declared once for window, commands, presets, checks.

The names are those of llama.cpp's server (tools/server/README.md); :class:`desktop.engine.api.Sampling` has the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from desktop.core.answer_form import grammar_problem, json_problem
from desktop.core.words import tr

FieldKind = Literal["decimal", "whole", "choice", "seed", "grammar", "json", "biases", "strings"]
Group = Literal["common", "repetition", "dry", "xtc", "cutoff", "dynamic", "mirostat", "form", "words"]
SamplingValues = dict[str, Any]
"""Fields that are set, by their names; what is not in it has its default."""

MAX_SEED = 2**32 - 1  # llama.cpp's seed is unsigned 32 bit
MOST_STRINGS = 64  # stop strings, or texts with a bias
LONGEST_STRING = 1000  # characters of one of them
MOST_BIAS = 100.0  # added to a logit; -100 practically forbids a token, 100 practically forces it
_MOST_TOKENS = 1_000_000
_HIGHEST_BASE = 100.0


@dataclass(frozen=True)
class SamplingField:
    """One value of the sampler chain. ``low`` and ``high`` are the first and last that may be set.

    ``least`` is the word for ``low`` where that is no quantity ("off"). ``choices`` are the words of a field that has
    few values, which count from 0; all but the first are their numbers.
    """

    name: str
    label: str
    explanation: str
    group: Group
    kind: FieldKind
    default: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.05
    least: str = ""
    choices: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The option of the commands: ``--top-p``."""
        return "--" + self.name.replace("_", "-")

    @property
    def accepts(self) -> str:
        """Which values it takes."""
        match self.kind:
            case "decimal":
                return tr("a number from {low:g} to {high:g}", low=self.low, high=self.high)
            case "whole" | "seed":
                return tr("a whole number from {low:.0f} to {high:.0f}", low=self.low, high=self.high)
            case "choice":
                return tr(" or ").join((f"0 ({self.choices[0]})", *self.choices[1:]))
            case "json":
                return tr("a JSON object")
            case "grammar":
                return tr("GBNF with a rule named root")
            case _:
                return tr(
                    "at most {most_strings} texts of at most {longest_string:,} characters",
                    most_strings=MOST_STRINGS,
                    longest_string=LONGEST_STRING,
                )

    def checked(self, value: object) -> Any:
        """The value in its own type. ValueError for one that the field cannot have; its default it always can."""
        match self.kind:
            case "decimal":
                return float(self._number(value))
            case "whole" | "choice" | "seed":
                if value is None and self.default is None:
                    return None
                number = self._number(value)
                if number != int(number):
                    raise ValueError(value)
                return int(number)
            case "grammar" | "json":
                return self._text(value)
            case "biases":
                return tuple(_bias(pair) for pair in _items(value))
            case "strings":
                return tuple(_string(text) for text in _items(value))

    def _number(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(value)
        if not self.low <= value <= self.high and value != self.default:  # so are NaN and infinity
            raise ValueError(value)
        return value

    def problem(self, text: str) -> str:
        """What is wrong with the text of a grammar or a schema, in words; "" for one that is good, or empty."""
        if not text.strip():
            return ""
        return json_problem(text) if self.kind == "json" else grammar_problem(text)

    def _text(self, value: object) -> str:
        if not isinstance(value, str) or self.problem(value):
            raise ValueError(value)
        return value if value.strip() else ""


def _items(value: object) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) > MOST_STRINGS:
        raise ValueError(value)
    return list(value)


def _string(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_STRING:
        raise ValueError(value)
    return value


def _bias(pair: object) -> tuple[str, float]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(pair)
    text, bias = pair
    if isinstance(bias, bool) or not isinstance(bias, int | float) or not -MOST_BIAS <= bias <= MOST_BIAS:
        raise ValueError(pair)
    return _string(text), float(bias)


SAMPLING_FIELDS: tuple[SamplingField, ...] = (
    SamplingField(
        "temperature", tr("Temperature"),
        tr("How freely words are chosen; 0 always takes the likeliest (temperature)."),
        "common", "decimal", 0.7, high=5.0,
    ),
    SamplingField(
        "top_k", tr("Top-k"), tr("Only the k likeliest tokens may be chosen; 0 is off (top_k)."),
        "common", "whole", 40, high=_MOST_TOKENS, step=1, least="off",
    ),
    SamplingField(
        "top_p", tr("Top-p"), tr("Only the likeliest tokens that together reach this probability; 1 is off (top_p)."),
        "common", "decimal", 0.95, step=0.01,
    ),
    SamplingField(
        "min_p", tr("Min-p"), tr("Only tokens at least this likely compared with the likeliest; 0 is off (min_p)."),
        "common", "decimal", 0.05, step=0.01,
    ),
    SamplingField(
        "repeat_penalty", tr("Repeat penalty"),
        tr("Makes tokens that were just used less likely; 1 is off (repeat_penalty)."),
        "common", "decimal", 1.0, high=2.0,
    ),
    SamplingField(
        "seed", tr("Seed"), tr("A number makes the answer repeatable; empty draws a fresh one each time (seed)."),
        "common", "seed", None, high=MAX_SEED, step=1,
    ),
    SamplingField(
        "repeat_last_n", tr("Penalty range"),
        tr("How many of the last tokens the penalties look at, in tokens; 0 is off "
"(repeat_last_n)."),
        "repetition", "whole", 64, low=-1, high=_MOST_TOKENS, step=16, least="all",
    ),
    SamplingField(
        "presence_penalty", tr("Presence penalty"),
        tr("Makes every token that was used at all less likely, once; 0 is off "
"(presence_penalty)."),
        "repetition", "decimal", 0.0, low=-2.0, high=2.0,
    ),
    SamplingField(
        "frequency_penalty", tr("Frequency penalty"),
        tr("Makes tokens less likely with each time they were used; 0 is off "
"(frequency_penalty)."),
        "repetition", "decimal", 0.0, low=-2.0, high=2.0,
    ),
    SamplingField(
        "dry_multiplier", tr("Strength"),
        tr("How strongly a sequence that was written before is kept from going on; 0 is off "
"(dry_multiplier)."),
        "dry", "decimal", 0.0, high=5.0,
    ),
    SamplingField(
        "dry_base", tr("Base"), tr("How fast that penalty grows with the length of the sequence (dry_base)."),
        "dry", "decimal", 1.75, low=1.0, high=_HIGHEST_BASE,
    ),
    SamplingField(
        "dry_allowed_length", tr("Allowed length"),
        tr("Sequences up to this length may repeat freely, in tokens (dry_allowed_length)."),
        "dry", "whole", 2, high=1000, step=1,
    ),
    SamplingField(
        "dry_penalty_last_n", tr("Range"),
        tr("How many of the last tokens are searched for repeated sequences; 0 is off "
"(dry_penalty_last_n)."),
        "dry", "whole", 64, low=-1, high=_MOST_TOKENS, step=16, least="all",
    ),
    SamplingField(
        "xtc_probability", tr("Probability"),
        tr("How often the likeliest tokens are left out in favour of rarer ones; 0 is off "
"(xtc_probability)."),
        "xtc", "decimal", 0.0,
    ),
    SamplingField(
        "xtc_threshold", tr("Threshold"),
        tr("Tokens at least this likely may be left out, all but the least likely of them "
"(xtc_threshold)."),
        "xtc", "decimal", 0.1,
    ),
    SamplingField(
        "typical_p", tr("Typical-p"), tr("Only tokens about as surprising as the text so far; 1 is off (typical_p)."),
        "cutoff", "decimal", 1.0, step=0.01,
    ),
    SamplingField(
        "top_n_sigma", tr("Top-n-sigma"),
        tr("Only tokens whose logit is within n standard deviations of the highest; 0 is off "
"(top_n_sigma)."),
        "cutoff", "decimal", -1.0, high=10.0, step=0.1,
    ),
    SamplingField(
        "dynatemp_range", tr("Range"),
        tr("How far the temperature moves up and down with the model's certainty; 0 is off "
"(dynatemp_range)."),
        "dynamic", "decimal", 0.0, high=5.0,
    ),
    SamplingField(
        "dynatemp_exponent", tr("Exponent"), tr("How the certainty is turned into a temperature (dynatemp_exponent)."),
        "dynamic", "decimal", 1.0, high=10.0,
    ),
    SamplingField(
        "mirostat", tr("Version"),
        tr("Holds how surprising the text is at a level, in place of top-k, top-p and the like "
"(mirostat)."),
        "mirostat", "choice", 0, high=2, step=1, choices=("off", "1", "2"),
    ),
    SamplingField(
        "mirostat_tau", tr("Target"), tr("The level of surprise that Mirostat holds (mirostat_tau)."),
        "mirostat", "decimal", 5.0, high=20.0, step=0.1,
    ),
    SamplingField(
        "mirostat_eta", tr("Learning rate"), tr("How quickly Mirostat corrects itself (mirostat_eta)."),
        "mirostat", "decimal", 0.1, step=0.01,
    ),
    SamplingField(
        "grammar", tr("Grammar"), tr("The answer keeps to this grammar, written in GBNF (grammar)."),
        "form", "grammar", "",
    ),
    SamplingField(
        "json_schema", tr("JSON schema"), tr("The answer is JSON that keeps to this schema (json_schema)."),
        "form", "json", "",
    ),
    SamplingField(
        "logit_bias", tr("Logit bias"),
        tr("Makes the tokens of a text likelier or less likely; -100 forbids them (logit_bias)."),
        "words", "biases", (), low=-MOST_BIAS, high=MOST_BIAS, step=1,
    ),
    SamplingField(
        "stop", tr("Stop strings"), tr("The answer ends before any of these texts; \\n is a line break (stop)."),
        "words", "strings", (),
    ),
)  # fmt: skip
FIELDS: Mapping[str, SamplingField] = {field.name: field for field in SAMPLING_FIELDS}


def settled(values: Mapping[str, object]) -> SamplingValues:
    """Those of the values that a field has and may have, in its own type; the others count as not set."""
    found: SamplingValues = {}
    for name, value in values.items():
        field = FIELDS.get(name)
        if field is None or value is None:
            continue
        try:
            found[name] = field.checked(value)
        except ValueError:
            continue
    return found
