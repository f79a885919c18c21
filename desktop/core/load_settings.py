"""How a model is loaded: what a person may set, each field declared once for window, commands and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from desktop.core.context_length import CELLS
from desktop.core.errors import UsageError
from desktop.core.speculation import SPECULATION_KINDS, Speculation
from desktop.core.token_counts import read_tokens
from desktop.core.words import tr

KvType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
FlashAttention = Literal["auto", "on", "off"]
Switch = Literal["on", "off"]
KV_TYPES: tuple[KvType, ...] = get_args(KvType)
DEFAULT_KV_TYPE: KvType = "f16"
DEFAULT_CONTEXT = 4096  # tokens, for a model that was trained for at least as many
DEFAULT_BATCH = 512  # tokens: llama.cpp's own physical batch
LEAST_BATCH, MOST_BATCH = 32, 16384  # tokens
SHORTEST_CONTEXT = CELLS  # tokens; the engine has no shorter one
MOST_SLOTS = 64  # llama.cpp takes 256 (LLAMA_MAX_SEQ); no one computer answers as many
LONGEST_CONTEXT = 16 * 1024 * 1024  # tokens; llama.cpp's bookkeeping alone takes gigabytes beyond this
_BLOCKS = frozenset({"q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"})  # types that hold several weights in a block


@dataclass(frozen=True)
class LoadSettings:
    """How to load a model. What is None is for Heft to decide (:class:`desktop.core.load_plan.LoadPlan`).

    ``context`` is in tokens. ``gpu_layers``: so many layers, from the last, on the GPUs; the output counts as one
    above the model's own. ``cpu_expert_layers``: so many layers, from the first, keep their routed experts in main
    memory (llama.cpp ``--n-cpu-moe``). ``draft`` is the draft model of speculation, a path or a name of the library.
    ``devices`` are those to use, with commas between: the engine's names, "@" with the name of another computer, "here"
    for this one's, "none" for the processor alone.
    ``slots``: so many conversations at once, each with all of ``context``. ``tensor_split`` is each device's share of
    the layers on GPUs, numbers with commas between in the order of the devices. ``main_device`` holds the model alone
    as long as it fits there. ``kv_offload`` "off" keeps the KV cache of all layers in main memory. ``batch``: so many
    tokens of a prompt are computed at once (llama.cpp ``--ubatch-size``, and ``--batch-size`` with it).
    """

    context: int | None = None
    cache_type_k: KvType | None = None
    cache_type_v: KvType | None = None
    flash_attention: FlashAttention | None = None
    gpu_layers: int | None = None
    cpu_expert_layers: int | None = None
    threads: int | None = None
    speculation: Speculation | None = None
    draft: str | None = None
    devices: str | None = None
    slots: int | None = None
    tensor_split: str | None = None
    main_device: str | None = None
    kv_offload: Switch | None = None
    batch: int | None = None

    @property
    def kv_types(self) -> tuple[KvType, KvType]:
        """Types of the cache's keys and values, as they would be."""
        return self.cache_type_k or DEFAULT_KV_TYPE, self.cache_type_v or DEFAULT_KV_TYPE

    @property
    def flash(self) -> bool:
        """Whether attention may be fused: llama.cpp does so wherever the devices can."""
        return self.flash_attention != "off"

    @property
    def cache_in_ram(self) -> bool:
        """Whether no GPU holds any of the KV cache, whatever layers it computes."""
        return self.kv_offload == "off"

    def batch_at(self, context: int) -> int:
        """Tokens of a prompt that are computed at once, with a context of so many tokens."""
        return min(self.batch or DEFAULT_BATCH, context)

    @property
    def shares(self) -> tuple[float, ...]:
        """:attr:`tensor_split` as numbers; none where Heft decides."""
        return tuple(map(float, self.tensor_split.split(","))) if self.tensor_split else ()

    @property
    def speculating(self) -> Speculation:
        """The kind that is wanted: where none is set, a draft model that is named, else none."""
        return self.speculation or ("draft" if self.draft else "off")

    @property
    def unset(self) -> bool:
        """Whether everything is for Heft to decide."""
        return self == LoadSettings()

    def over(self, other: LoadSettings) -> LoadSettings:
        """These settings, and where they say nothing, those of ``other``."""
        mine = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return replace(other, **mine)

    @property
    def elsewhere(self) -> LoadSettings:
        """The same without what was set for the devices of this computer, which says nothing of another's."""
        return replace(self, gpu_layers=None, cpu_expert_layers=None, tensor_split=None, main_device=None)

    def checked(self) -> LoadSettings:
        """The same. Raises UsageError for what no engine can do."""
        if self.context is not None and self.context < SHORTEST_CONTEXT:
            raise UsageError(
                tr("A context of {context:,} tokens is too short for a conversation.", context=self.context),
                tr("Choose at least {shortest_context}.", shortest_context=SHORTEST_CONTEXT),
            )
        if self.context is not None and self.context > LONGEST_CONTEXT:
            raise UsageError(
                tr("A context of {context:,} tokens is longer than any model's.", context=self.context),
                tr("Choose a shorter one."),
            )
        if self.slots is not None and not 1 <= self.slots <= MOST_SLOTS:
            raise UsageError(
                tr("{slots} requests at once are none, or too many.", slots=self.slots),
                tr("Choose 1 to {most_slots}.", most_slots=MOST_SLOTS),
            )
        if self.batch is not None and not LEAST_BATCH <= self.batch <= MOST_BATCH:
            raise UsageError(
                tr("{batch:,} tokens of a prompt are too few, or too many, to be computed at once.", batch=self.batch),
                tr("Choose {least_batch} to {most_batch:,}.", least_batch=LEAST_BATCH, most_batch=MOST_BATCH),
            )
        if self.shares and not sum(self.shares):
            raise UsageError(
                tr("Shares of nothing give no device any layer."), tr("Give at least one device a share above 0.")
            )
        if not self.flash and self.kv_types[1] in _BLOCKS:
            raise UsageError(
                tr("Values in {kv_types} need flash attention, which is off.", kv_types=self.kv_types[1]),
                tr("Turn flash attention on, or keep the values in f16."),
            )
        return self


NOTHING_SET = LoadSettings()


def kv_words(types: tuple[str, str]) -> str:
    """The types of a cache in a few letters: ``q8_0``, or ``K q8_0, V f16`` where they differ."""
    keys, values = types
    return keys if keys == values else f"K {keys}, V {values}"


def _count(text: str) -> int:
    value = int(text.replace(",", "").replace("_", ""))
    if value < 0:
        raise ValueError(text)
    return value


def _tokens(text: str) -> int:
    count = read_tokens(text)
    if count <= 0:
        raise ValueError(text)
    return count


def _shares(text: str) -> str:
    shares = [float(part) for part in text.split(",")]
    if not all(0 <= share < math.inf for share in shares) or not sum(shares):
        raise ValueError(text)
    return ",".join(f"{share:g}" for share in shares)


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse


@dataclass(frozen=True)
class LoadField:
    """One field of :class:`LoadSettings`: its key for ``heft settings``, its words, and how its value is written.

    ``choices`` are the values of a field that has few; ``experts`` marks one that only models of experts have.
    ``metavar`` stands for the value of one that has neither choices nor numbers. ``gpus``: one that matters where
    there are at least so many graphics devices.
    """

    name: str
    key: str
    label: str
    explanation: str
    accepts: str
    parse: Callable[[str], Any]
    choices: tuple[str, ...] = ()
    experts: bool = False
    metavar: str = ""
    gpus: int = 0

    @property
    def option(self) -> str:
        """The option of the commands: ``--gpu-layers``."""
        return "--" + self.key.replace("_", "-")


LOAD_FIELDS: tuple[LoadField, ...] = (
    LoadField(
        "context", "context", tr("Context length"),
        tr("Tokens of the conversation that the model sees at once. More takes more memory."),
        tr("tokens, such as 8192 or 32k"), _tokens,
    ),
    LoadField(
        "cache_type_k", "kv_k", tr("Keys of the KV cache"),
        tr("How the cache's keys are kept. q8_0 takes about half of the memory of f16."),
        ", ".join(KV_TYPES), _one_of(KV_TYPES), KV_TYPES,
    ),
    LoadField(
        "cache_type_v", "kv_v", tr("Values of the KV cache"),
        tr("How the cache's values are kept. Below f16 they need flash attention."),
        ", ".join(KV_TYPES), _one_of(KV_TYPES), KV_TYPES,
    ),
    LoadField(
        "gpu_layers", "gpu_layers", tr("Layers on the GPU"),
        tr("How many layers, from the last, the graphics card computes; the output is one. "
"Unset: as many as fit."),
        tr("a number"), _count,
    ),
    LoadField(
        "cpu_expert_layers", "expert_layers", tr("Layers with experts in main memory"),
        tr("So many layers, from the first, keep their experts in main memory. Unset: as many "
"as it takes to fit."),
        tr("a number"), _count, experts=True,
    ),
    LoadField(
        "flash_attention", "flash_attention", tr("Flash attention"),
        tr("Computes attention in one step, which saves memory. Auto: wherever the devices can."),
        tr("auto, on or off"), _one_of(get_args(FlashAttention)), get_args(FlashAttention),
    ),
    LoadField(
        "threads", "threads", tr("Threads"),
        tr("How many of the processor's cores compute. Unset: one for each physical core, fewer "
"on a busy computer."),
        tr("a number, at least 1"), _count,
    ),
    LoadField(
        "speculation", "speculation", tr("Speculation"),
        tr("Guesses tokens and checks several at once; the text stays the same. ngram repeats "
"what was said before, draft asks a small model, mtp uses layers of the model's own "
"file. Heft ends it where it makes answers slower. Unset: a draft model where one is "
"named, otherwise off."),
        ", ".join(SPECULATION_KINDS), _one_of(SPECULATION_KINDS), SPECULATION_KINDS,
    ),
    LoadField(
        "draft", "draft", tr("Draft model"),
        tr("A small model with the same vocabulary that guesses what this one will write. It "
"takes memory of its own."),
        tr("a path, or a name from 'heft library'"), str, metavar="MODEL",
    ),
    LoadField(
        "devices", "device", tr("Devices"),
        "Which graphics devices are used, by the engine's names; @NAME: those of another computer of yours; here: this "
        "one's; none: the processor alone. Unset: all of this one's that have room, but for drivers in software.",
        tr("names from 'heft machine' with commas between, such as Vulkan0, here,@studio or none"), str, metavar="NAME",
    ),
    LoadField(
        "slots", "slots", tr("Requests at once"),
        tr("So many conversations are answered side by side, each with a cache of its own for "
"the whole context. Unset: one in the chat; for other programs as many as there is "
"room for, up to four."),
        tr("a number, at least 1"), _count,
    ),
    LoadField(
        "tensor_split", "tensor_split", tr("Shares of the devices"),
        tr("How the layers on graphics devices are shared, in the order of the devices: 3,1 "
"gives the first three quarters. Unset: by the memory that is free on each."),
        tr("numbers with commas, such as 3,1"), _shares, metavar="SHARES", gpus=2,
    ),
    LoadField(
        "main_device", "main_device", tr("Main device"),
        tr("The graphics device that holds the model alone as long as it fits there; the others "
"help with one that does not. Unset: all that have room."),
        tr("a name from 'heft machine', such as CUDA0"), str, metavar="NAME", gpus=2,
    ),
    LoadField(
        "kv_offload", "kv_offload", tr("KV cache on the GPU"),
        tr("Off keeps the cache of all layers in main memory: more layers or a longer context "
"fit, answers are slower."),
        tr("on or off"), _one_of(get_args(Switch)), get_args(Switch), gpus=1,
    ),
    LoadField(
        "batch", "batch", tr("Tokens read at once"),
        tr("So many tokens of a prompt are computed in one step. More may be read faster on a "
"graphics card, and takes more memory. Unset: {default_batch}.", default_batch=DEFAULT_BATCH),
        tr("a number, {least_batch} to {most_batch}", least_batch=LEAST_BATCH, most_batch=MOST_BATCH), _count,
    ),
)  # fmt: skip
_BY_KEY: Mapping[str, LoadField] = {field.key: field for field in LOAD_FIELDS}
UNSET_WORDS = ("", "auto", "default", "unset")


def parse_setting(key: str, text: str) -> dict[str, Any]:
    """Fields of :class:`LoadSettings` that ``key`` = ``text`` sets; ``kv`` sets keys and values. Raises UsageError.

    An empty text, ``default``, or ``auto`` where that is no value of the field, unsets it.
    """
    if key == "kv":
        return parse_setting("kv_k", text) | parse_setting("kv_v", text)
    field = _BY_KEY.get(key.replace("-", "_"))
    if field is None:
        raise UsageError(
            tr("There is no setting '{key}' of a load.", key=key),
            tr("There are: {value}.", value=", ".join(("kv", *_BY_KEY))),
        )
    if text.strip().lower() in UNSET_WORDS and text not in field.choices:
        return {field.name: None}
    try:
        value = field.parse(text.strip())
    except (ValueError, UsageError):
        raise UsageError(
            tr("'{text}' is no value for {key}.", text=text, key=field.key),
            tr("It takes {accepts}.", accepts=field.accepts),
        ) from None
    return {field.name: (value or None) if field.name in ("threads", "slots", "batch") else value}


def as_document(settings: LoadSettings) -> dict[str, Any]:
    """The settings by their keys; None where Heft decides."""
    return {field.key: getattr(settings, field.name) for field in LOAD_FIELDS}
