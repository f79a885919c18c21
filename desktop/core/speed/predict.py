"""Tokens per second from work and speed: the sum of times, with what is not known for sure as the band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from desktop.core.memory.cache import BATCH
from desktop.core.speed.device import AttentionSpeed, DeviceSpeed, TypeSpeed
from desktop.core.speed.work import TokenWork, TypeWork

_UNLIKE = 0.35  # how far a type that was not calibrated may be from its nearest relative
_WHOLE = ("f16", "bf16", "f32")  # types of a cache that are not quantized
_HEAD, _DEEP = 128, 4096  # where types of a cache are compared
_LINK_DOUBT = 0.3  # other traffic comes and goes, and TCP starts slowly
_MOST = 0.9  # a band never reaches infinite speed


@dataclass(frozen=True)
class Rate:
    """Tokens per second."""

    low: float
    expected: float
    high: float

    def scaled(self, factor: float) -> Rate:
        """All three times ``factor``."""
        return Rate(self.low * factor, self.expected * factor, self.high * factor)


@dataclass(frozen=True)
class DeviceWork:
    """What a device does of a model's work, and how quick it is."""

    work: TokenWork
    speed: DeviceSpeed


@dataclass(frozen=True)
class Speeds:
    """Tokens per second while writing, with an empty context and with a full one of ``context`` tokens.

    ``prompt`` is tokens per second while a prompt is read that fills the context; None where that is not known.
    ``method`` tells how they were obtained: "measured" (``runs`` of this very model, loaded like this), "calibrated"
    (kernels measured here) or "table" (guessed from what is known of such devices). ``by_cache`` is that of a full
    context by the type of keys and values both, for the usual ones.
    """

    empty: Rate
    full: Rate
    context: int
    method: str = ""
    prompt: Rate | None = None
    runs: int = 0
    by_cache: tuple[tuple[str, Rate], ...] = ()

    @property
    def prompt_seconds(self) -> float | None:
        """Seconds until a prompt that fills the context is read, which is before the first token is written."""
        return self.context / self.prompt.expected if self.prompt is not None and self.prompt.expected > 0 else None


@dataclass(frozen=True)
class Prediction:
    """A model's speed: ``decode`` while writing with ``context`` tokens before, ``prompt`` while reading that many.

    ``method`` is "table" as soon as one device is not calibrated, "measured" after runs of this very model.
    """

    decode: Rate
    prompt: Rate
    context: int
    method: str


def predict_decode(parts: Sequence[DeviceWork], context: int) -> Rate:
    """Tokens per second while writing, with ``context`` tokens already there. ValueError without parts."""
    return decode_rates(parts, (context,))[0]


def decode_rates(parts: Sequence[DeviceWork], contexts: Sequence[int]) -> tuple[Rate, ...]:
    """As :func:`predict_decode` for several contexts; only attention depends on them."""
    seconds = doubt = 0.0
    reading = [0.0] * len(contexts)
    for part in parts:
        work, speed = part.work, part.speed
        for kind, amount in work.types.items():
            known = type_speed(speed, kind)
            taken = _bytes_seconds(amount, known, work.resident_bytes, known.expert_factor or speed.expert_factor)
            seconds += taken
            doubt += taken * known.uncertainty
        attention = attention_speed(speed, work.kv_types, fused=work.fused)
        for alike in work.attention:
            for number, context in enumerate(contexts):
                cells = alike.cells(context)
                reading[number] += alike.width * attention.writing(alike.head, cells, alike.group)
                reading[number] += cells * alike.kv_bytes * attention.seconds_per_byte
        other = (
            work.layers * speed.beside_matrices(work.embedding)
            + work.vocabulary * speed.vocabulary_seconds
            + speed.token_seconds
        )
        if work.state_bytes:
            other += work.state_bytes * type_speed(speed, "F32").seconds_per_byte(work.resident_bytes)
        seconds += other
        doubt += other * 0.2
        if speed.link is not None:
            passed = speed.link.token_seconds(work.embedding, work.vocabulary)
            seconds += passed
            doubt += passed * _LINK_DOUBT
    return tuple(_rate(seconds + taken, doubt + taken * 0.2) for taken in reading)


def predict_prompt(parts: Sequence[DeviceWork], tokens: int) -> Rate:
    """Tokens per second while reading a prompt of ``tokens`` tokens into an empty context."""
    seconds = doubt = 0.0
    for part in parts:
        work, speed = part.work, part.speed
        for kind, amount in work.types.items():
            known = type_speed(speed, kind)
            longer = (known.expert_prompt_factor or speed.expert_prompt_factor) - 1
            routed = amount.experts / amount.bytes * longer if amount.bytes else 0.0
            counted = amount.weights - amount.once * (1 - 1 / max(tokens, 1))
            taken = counted * (1 + routed) * known.prompt
            seconds += taken
            doubt += taken * max(known.uncertainty, 0.15)
        attention = attention_speed(speed, work.kv_types, fused=work.fused)
        for alike in work.attention:
            # a token sees on average half of the prompt, or its window
            taken = alike.cells(tokens) * (0.5 if not alike.window or alike.window >= tokens else 1.0)
            taken *= alike.width * attention.reading(alike.head, alike.group)
            seconds += taken
            doubt += taken * 0.3
        together = min(max(tokens, 1), BATCH)
        seconds += (work.layers * speed.layer_seconds + speed.token_seconds) / together
        if speed.link is not None:
            passed = speed.link.token_seconds(work.embedding, work.vocabulary, tokens=together) / together
            seconds += passed
            doubt += passed * _LINK_DOUBT
    return _rate(seconds, doubt)


def predict(parts: Sequence[DeviceWork], context: int) -> Prediction:
    """Both rates at one context length."""
    method = "table" if any(part.speed.method == "table" for part in parts) else "calibrated"
    return Prediction(predict_decode(parts, context), predict_prompt(parts, context), context, method)


def type_speed(speed: DeviceSpeed, kind: str) -> TypeSpeed:
    """The speed of a type; for one that was not measured that of the type nearest in bits, with a wide band."""
    from desktop.core.quants import TYPES_BY_NAME

    found = speed.types.get(kind)
    if found is not None:
        return found
    wanted = TYPES_BY_NAME.get(kind, TYPES_BY_NAME["F16"]).bits_per_weight
    nearest = min(speed.types, key=lambda name: abs(TYPES_BY_NAME[name].bits_per_weight - wanted))
    like = speed.types[nearest]
    return msgspec.structs.replace(like, uncertainty=max(like.uncertainty, _UNLIKE))


def attention_speed(speed: DeviceSpeed, kv_types: tuple[str, str], *, fused: bool = True) -> AttentionSpeed:
    """Of a cache with keys and values of these types.

    A type that was not measured is as the one nearest to it: whole numbers as f16, quantized ones as q8_0. Keys and
    values of two types are as the slower of both: llama.cpp shares a long cache among the cores only where both are f16
    or f32 (ggml-cpu/ops.cpp 0c1e57098, ggml_compute_forward_flash_attn_ext_f16: use_split_kv_path, use_tiled).
    """
    known = speed.attention if fused or not speed.unfused else speed.unfused
    plain = known.get("f16") or AttentionSpeed()
    quantized = known.get("q8_0") or plain

    def of(kind: str) -> AttentionSpeed:
        return known.get(kind) or (plain if kind in _WHOLE else quantized)

    keys, values = (of(kind) for kind in kv_types)
    return max(keys, values, key=lambda one: one.writing(_HEAD, _DEEP) + one.seconds_per_byte)


def _bytes_seconds(amount: TypeWork, known: TypeSpeed, resident: float, expert_factor: float) -> float:
    counted = amount.bytes + amount.experts * (expert_factor - 1.0)
    return counted * known.seconds_per_byte(resident)


def _rate(seconds: float, doubt: float) -> Rate:
    if seconds <= 0:
        raise ValueError("nothing to do: a token without work has no speed")
    part = min(doubt / seconds, _MOST)
    return Rate(1 / (seconds * (1 + part)), 1 / seconds, 1 / (seconds * (1 - part)))
