"""Which sampling counts: what the chat set, before what the model's file, its repository, and Heft say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from desktop.core.sampling_fields import FIELDS, SAMPLING_FIELDS, SamplingValues, settled

if TYPE_CHECKING:  # the window starts without the parser
    from desktop.core.gguf import Value

SamplingSource = Literal["chat", "model", "repository", "heft", "server"]
GENERATION_CONFIG = "generation_config.json"
_HEADER = "general.sampling."
# The keys of a header: llama.cpp src/llama-arch.cpp, LLM_KV_GENERAL_SAMPLING_*. "sequence" has no field here.
_HEADER_NAMES = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "xtc_probability": "xtc_probability",
    "xtc_threshold": "xtc_threshold",
    "penalty_last_n": "repeat_last_n",
    "penalty_repeat": "repeat_penalty",
    "mirostat": "mirostat",
    "mirostat_tau": "mirostat_tau",
    "mirostat_eta": "mirostat_eta",
}
# transformers, generation/configuration_utils.py: GenerationConfig.
_CONFIG_NAMES = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repetition_penalty": "repeat_penalty",
}
_DIGITS = 6  # decimals of a header's 32-bit floats: 0.6 is kept as 0.60000002384


@dataclass(frozen=True)
class SourcedValue:
    """A value that counts, and whose it is. That of a "server" is not known: ``value`` is where editing begins."""

    value: Any
    source: SamplingSource


@dataclass(frozen=True)
class SamplingDefaults:
    """What a model's file says of how it is sampled, and what the repository says that it came from.

    ``server``: another server answers, which is told what was set and decides the rest; what, Heft does not know.
    """

    model: SamplingValues = field(default_factory=dict)
    repository: SamplingValues = field(default_factory=dict)
    server: bool = False

    def of(self, name: str) -> SourcedValue:
        """What a field is while nobody sets it."""
        if name in self.model:
            return SourcedValue(self.model[name], "model")
        if name in self.repository:
            return SourcedValue(self.repository[name], "repository")
        return SourcedValue(FIELDS[name].default, "server" if self.server else "heft")


NO_DEFAULTS = SamplingDefaults()
OF_SERVER = SamplingDefaults(server=True)


def resolved(defaults: SamplingDefaults, chosen: Mapping[str, object]) -> dict[str, SourcedValue]:
    """Every field with the value that counts. What was chosen but cannot be is left out; a grammar goes before a
    schema, since an answer can keep to one of them.
    """
    mine = settled(chosen)
    if mine.get("grammar"):
        mine.pop("json_schema", None)
    return {
        known.name: SourcedValue(mine[known.name], "chat") if known.name in mine else defaults.of(known.name)
        for known in SAMPLING_FIELDS
    }


def header_sampling(metadata: Mapping[str, Value]) -> SamplingValues:
    """What a GGUF header recommends; values of another type or out of range are left out."""
    found: dict[str, object] = {}
    for key, name in _HEADER_NAMES.items():
        value = metadata.get(_HEADER + key)
        if value is not None:
            found[name] = round(value.data, _DIGITS) if isinstance(value.data, float) else value.data
    return settled(found)


def generation_sampling(document: object) -> SamplingValues:
    """What a repository's generation_config.json recommends; values of another type or out of range are left out."""
    if not isinstance(document, dict):
        return {}
    found = settled({name: document[key] for key, name in _CONFIG_NAMES.items() if key in document})
    if document.get("do_sample") is False:
        found["temperature"] = 0.0  # the likeliest token, always
    return found
