"""How attention is computed where nobody asked: as was measured to be quicker on this computer; and the speed then.

The one place that decides it, for every plan: of Discover's rows and picks, of the library and of a load.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from desktop.core.load_settings import FlashAttention, KvType, LoadSettings
from desktop.core.memory import ModelShape, Weights
from desktop.core.placement import Fit
from desktop.core.speed import Speeds

_log = logging.getLogger(__name__)
_CLEARLY = 1.05  # quicker than a calibration's own error
_PLAIN: tuple[KvType, KvType] = ("f16", "f16")  # the cache that both ways can read as quickly


class Rates(Protocol):
    """Predicts speed on one machine."""

    @property
    def basis(self) -> object:
        """What it rests on: equal while nothing else is known of the machine."""

    def speeds(
        self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit, fingerprint: str = "", threads: int = 0,
        *, flash: bool = True,
    ) -> Speeds | None:  # fmt: skip
        """Tokens per second while writing, with an empty context and with all of the fit's used; None where nothing
        is known of the machine. ``fingerprint`` finds the runs of this very model, ``threads`` those with as many,
        ``flash`` those with flash attention, or without."""

    def without_flash(self, shape: ModelShape, weights: Weights, quantization: str, fit: Fit) -> float:
        """How many times as quick a full context is without flash attention, by what was calibrated alone; 1.0 where
        that was not."""


@dataclass(frozen=True)
class Subject:
    """A model whose speed is asked for. ``fingerprint`` is "" where nothing is known of its runs; ``name`` is for the
    log."""

    shape: ModelShape
    weights: Weights
    quantization: str
    fingerprint: str = ""
    threads: int = 0
    name: str = ""


@dataclass(frozen=True)
class Attended:
    """A verdict with its speed and the way attention is computed then; ``speeds`` None where nothing is known."""

    fit: Fit
    speeds: Speeds | None = None
    flash: FlashAttention = "auto"


def attended(
    rates: Rates | None, subject: Subject, asked: LoadSettings, fit: Fit, again: Callable[[LoadSettings], Fit | None]
) -> Attended:
    """With the way to compute attention that was measured to be quicker here, where nobody asked for one.

    Flash attention takes less memory and is what llama.cpp takes wherever it can: without it only what is clearly
    quicker, on a processor that was calibrated both ways, and still fits. ``again`` places the model anew with other
    settings; it is called for that alone, and None leaves it as it is.
    """
    found = speeds_of(rates, subject, fit, flash=asked.flash)
    if rates is None or found is None or asked.flash_attention is not None or fit.placement != "cpu":
        return Attended(fit, found)
    plain = replace(fit, kv_types=_PLAIN)
    if rates.without_flash(subject.shape, subject.weights, subject.quantization, plain) < _CLEARLY:
        return Attended(fit, found)
    if fit.kv_types != _PLAIN:  # what another cache would give is said as it would be planned
        unfused = speeds_of(rates, subject, plain, flash=False)
        return Attended(fit, found if unfused is None else _with_cache(found, "f16", unfused))
    other = again(replace(asked, flash_attention="off"))
    without = speeds_of(rates, subject, other, flash=False) if other is not None else None
    if other is None or without is None or other.placement != fit.placement:
        return Attended(fit, found)
    return Attended(other, without, "off")


def speeds_of(rates: Rates | None, subject: Subject, fit: Fit, *, flash: bool) -> Speeds | None:
    """The speed of a model that is placed so; None where it is not known, or the model does not fit.

    Nothing is raised: what cannot be predicted is not said, and keeps nothing from loading.
    """
    if rates is None or not fit.fits:
        return None
    try:
        about = (subject.fingerprint, subject.threads)
        return rates.speeds(subject.shape, subject.weights, subject.quantization, fit, *about, flash=flash)
    except ValueError:  # a model without a matrix has no speed
        return None
    except Exception:  # noqa: BLE001 - one model's failure never fails the others
        _log.exception("no speed for %s", subject.name or subject.shape.architecture)
        return None


def _with_cache(found: Speeds, kind: str, other: Speeds) -> Speeds:
    return replace(found, by_cache=tuple((name, other.full if name == kind else rate) for name, rate in found.by_cache))
