"""What a quantization costs in quality: published measurements, shown as a band, never interpolated.

The figures are those of ``resources/data/quality.csv``, each with model, data set and source. Several measurements
of one quantization make a band; a type nobody measured is "not measured", though it may resemble one that was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

Label = Literal["none measurable", "negligible", "very small", "small", "noticeable", "large", "not measured"]
Measure = Literal["kld_mean", "kld_median", "perplexity_percent", "top1_changed_percent"]
Kind = Literal["plain", "imatrix", "dynamic", "qat"]

# Upper ends of the labels from "none measurable" to "noticeable"; beyond the last the loss is "large". Chosen so
# that mean KL divergence and perplexity increase give the same label where both were measured on one model.
_LABELS: tuple[Label, ...] = get_args(Label)[:6]
_KLD_ENDS = (0.002, 0.008, 0.025, 0.06, 0.15)
_PERPLEXITY_ENDS = (0.1, 0.7, 2.5, 7.3, 25.0)  # percent
NOTICEABLE = 4.0  # the severity at which "noticeable" begins
WORST = 6.0

_ALIASES = {"FP16": "F16", "FP32": "F32", "Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}  # tools/quantize
REFERENCES = ("F32", "BF16", "F16")
SMALL_MODELS = 13e9  # parameters up to which measurements on 7-8B models speak for a model
LARGE_MODELS = 40e9  # parameters from which those on a 70B model do; both count between


@dataclass(frozen=True)
class Measurement:
    """One published figure. ``imatrix`` None: the source does not say whether there was one."""

    quantization: str
    imatrix: bool | None
    measure: Measure
    value: float
    model: str
    parameters: float
    dataset: str
    source: str


@dataclass(frozen=True)
class Step:
    """A rung of the ladder: what a quantization is, in plain words.

    ``bits_per_weight`` is that of Llama-3.1-8B, None where it varies. ``like`` names the measured type it resembles.
    """

    name: str
    bits_per_weight: float | None
    legacy: bool
    like: str
    words: str
    source: str


@dataclass(frozen=True)
class MeasuredHere:
    """What was measured of this very file on this computer: mean KL divergence (nats) from ``reference`` with its
    standard error, on so many ``tokens`` of ``text``."""

    kld: float
    error: float
    text: str
    reference: str
    tokens: int


@dataclass(frozen=True)
class Quality:
    """The loss of one quantization. KLD is the mean KL divergence in nats; the other bands are percent.

    ``like`` names the measured type whose figures stand in for ordering where this one was not measured.
    ``severity_low`` to ``severity_high`` place the loss on the labels' scale, 0 (none) to 6, also for what
    is only alike; None when nothing is known. ``source`` names who measured. ``here`` goes before what was published:
    label and severity are then its own, and the bands stay what they were.
    """

    quantization: str
    label: Label
    kld_low: float | None = None
    kld_high: float | None = None
    perplexity_low: float | None = None
    perplexity_high: float | None = None
    top1_low: float | None = None
    top1_high: float | None = None
    source: str = ""
    like: str = ""
    like_label: Label = "not measured"
    legacy: bool = False
    severity_low: float | None = None
    severity_high: float | None = None
    notes: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    here: MeasuredHere | None = None

    def with_measured(self, here: MeasuredHere) -> Quality:
        """The same file's quality, as it was measured here."""
        place = _severity(here.kld, _KLD_ENDS)
        return replace(self, label=label_of(place), severity_low=place, severity_high=place, here=here)

    @property
    def measured(self) -> bool:
        """Whether the figures are of this very type."""
        return self.label != "not measured"


class QualityTable:
    """The measurements and the ladder, ready to be asked."""

    def __init__(self, measurements: Iterable[Measurement], steps: Iterable[Step]) -> None:
        self._steps = {step.name: step for step in steps}
        self._by_type: dict[str, list[Measurement]] = {}
        for row in measurements:
            self._by_type.setdefault(row.quantization, []).append(row)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The ladder in the table's order, from the largest type down."""
        return tuple(self._steps.values())

    def step(self, quantization: str) -> Step | None:
        """The rung of a quantization label, with or without ``UD-`` or ``i1-``."""
        return self._steps.get(plain_name(quantization))

    def quality_of(self, quantization: str, kind: Kind = "plain", parameters: int | None = None) -> Quality:
        """The loss of a quantization in a model of ``parameters`` weights (None: unknown, so the band is wide).

        ``kind`` "plain" says that the name tells of no importance matrix; many uploaders use one without saying.
        """
        name = plain_name(quantization)
        step = self._steps.get(name)
        legacy = step is not None and step.legacy and kind != "qat"
        if name in REFERENCES:
            words = ("The form the model was published in, or as good: losses are measured against it.",)
            return Quality(quantization, "none measurable", 0.0, 0.0, 0.0, 0.0, source="reference", severity_low=0.0,
                           severity_high=0.0, notes=words)  # fmt: skip
        own = self._by_type.get(name)
        if own and kind in ("plain", "imatrix"):
            return _banded(quantization, own, kind == "imatrix", parameters, legacy)
        like = name if own else (step.like if step else "")
        similar = self._by_type.get(like)
        if not similar:
            return Quality(quantization, "not measured", legacy=legacy, notes=(_unmeasured(quantization, kind, ""),))
        stand_in = _banded(like, similar, False, parameters, legacy)
        return Quality(
            quantization,
            "not measured",
            source=stand_in.source,
            like=like,
            like_label=stand_in.label,
            legacy=legacy,
            severity_low=stand_in.severity_low,
            severity_high=stand_in.severity_high,
            notes=(_unmeasured(quantization, kind, like), *stand_in.notes),
            measurements=stand_in.measurements,
        )


def plain_name(quantization: str) -> str:
    """A label without what uploaders put before it, in the tables' writing: ``UD-Q4_K_XL`` -> ``Q4_K_XL``."""
    name = quantization.upper().removeprefix("UD-").removeprefix("I1-")
    return _ALIASES.get(name, name)


def label_of(severity: float) -> Label:
    """The word for a place on the scale."""
    return _LABELS[min(int(severity), len(_LABELS) - 1)]


def measurements_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[Measurement, ...]:
    """Rows of ``resources/data/quality.csv``. ValueError for one that is incomplete."""
    return tuple(_measurement(row) for row in rows)


def steps_from_rows(rows: Sequence[Mapping[str, str]]) -> tuple[Step, ...]:
    """Rows of ``resources/data/quantizations.csv``."""
    return tuple(
        Step(
            row["name"],
            float(row["bits_per_weight"]) if row["bits_per_weight"] else None,
            row["legacy"] == "yes",
            row["like"],
            row["words"],
            row["source"],
        )
        for row in rows
    )


def _measurement(row: Mapping[str, str]) -> Measurement:
    if row["measure"] not in get_args(Measure) or not row["source"] or not row["model"]:
        raise ValueError(f"a measurement without measure, model or source: {dict(row)}")
    return Measurement(
        row["quantization"],
        {"yes": True, "no": False, "unknown": None}[row["imatrix"]],
        cast(Measure, row["measure"]),
        float(row["value"]),
        row["model"],
        float(row["parameters"]),
        row["dataset"],
        row["source"],
    )


def _banded(
    quantization: str, rows: Sequence[Measurement], imatrix: bool, parameters: int | None, legacy: bool
) -> Quality:
    chosen, notes = _for_size(rows, parameters)
    if imatrix:
        with_matrix = [row for row in chosen if row.imatrix is not False]
        if with_matrix:
            chosen = with_matrix
        else:
            notes.append("Measured without an importance matrix.")
    kld = _band(chosen, "kld_mean")
    perplexity = _band(chosen, "perplexity_percent")
    top1 = _band(chosen, "top1_changed_percent")
    # One measure decides where there is KL divergence; perplexity where it alone was measured at this size.
    at_any_size = parameters is None or SMALL_MODELS < parameters < LARGE_MODELS
    places = [_severity(value, _KLD_ENDS) for value in kld or ()]
    if not kld or at_any_size:
        places += [_severity(value, _PERPLEXITY_ENDS) for value in perplexity or ()]
    used = [row for row in chosen if row.measure != "kld_median" or not kld]
    return Quality(
        quantization,
        label_of(max(places)) if places else "not measured",
        kld_low=kld[0] if kld else None,
        kld_high=kld[1] if kld else None,
        perplexity_low=perplexity[0] if perplexity else None,
        perplexity_high=perplexity[1] if perplexity else None,
        top1_low=top1[0] if top1 else None,
        top1_high=top1[1] if top1 else None,
        source="; ".join(dict.fromkeys(f"{row.model} ({row.source})" for row in used)),
        legacy=legacy,
        severity_low=min(places, default=None),
        severity_high=max(places, default=None),
        notes=tuple(notes),
        measurements=tuple(chosen),
    )


def _for_size(rows: Sequence[Measurement], parameters: int | None) -> tuple[list[Measurement], list[str]]:
    """The measurements on models of about this size, and what has to be said of them."""
    small = [row for row in rows if row.parameters < LARGE_MODELS]
    large = [row for row in rows if row.parameters >= LARGE_MODELS]
    if parameters is None:
        return list(rows), []
    if parameters >= LARGE_MODELS:
        return (large, []) if large else (small, ["Measured on models of 7-8 B parameters only."])
    if parameters > SMALL_MODELS:
        return list(rows), ["Between the sizes that were measured (7-8 B and 70 B), so the band covers both."]
    note = ["Measured on models of 7-8 B parameters; smaller ones lose more."] if parameters < 5e9 else []
    return small, note


def _band(rows: Sequence[Measurement], measure: Measure) -> tuple[float, float] | None:
    values = [row.value for row in rows if row.measure == measure]
    return (min(values), max(values)) if values else None


def _severity(value: float, ends: Sequence[float]) -> float:
    """Place on the labels' scale: its whole part is the label's number, the rest lies evenly in the logarithm."""
    number = sum(value >= end for end in ends)
    low = ends[number - 1] if number else ends[0] / 4
    high = ends[number] if number < len(ends) else ends[-1] * 20
    share = math.log(max(value, low) / low) / math.log(high / low)
    return number + min(share, 0.999)


def _unmeasured(quantization: str, kind: Kind, like: str) -> str:
    resembles = f" It resembles {like}, whose figures stand in for the order." if like else ""
    match kind:
        case "dynamic":
            return f"Nobody has published figures for {quantization} that are independent of its maker.{resembles}"
        case "qat":
            trained = "Of a model trained to be quantized (QAT), which loses less than others"
            return f"{trained}; nobody measured {quantization}.{resembles}"
    return f"Nobody has published figures for {quantization}.{resembles}"
