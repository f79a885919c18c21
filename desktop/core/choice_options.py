"""What there is to choose between: variants with their fit, speed and quality on one machine at one context."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from desktop.core.placement import Fit, Placement
from desktop.core.quality import WORST, Quality
from desktop.core.speed import Rate, Speeds
from desktop.core.variants import Variant

Goal = Literal["quality", "balanced", "speed", "coding"]

READING_SPEED = 6.0  # tokens per second: between four and five words, as fast as a person reads
SPILLED_SHARE = 0.75  # of the speed, at least, that less loss may cost where nothing stays in the fastest memory
LONG_READING = 20.0  # seconds that reading a full context takes, from which it is worth a word
LARGE = 5.0  # the severity at which "large" begins
NONE_MEASURABLE = 1.0  # and "none measurable" ends
SAME = 0.05  # severities closer than this cannot be told apart by what was measured
TIGHT_SHARE, TIGHT_BYTES = 0.06, 1_000_000_000  # of the free memory, at most: less to spare is called tight

# From the fastest place to the slowest; a model in an earlier one reads its weights from faster memory.
PLACES: tuple[Placement, ...] = ("gpu", "experts-in-ram", "partial", "cpu", "too-large")


@dataclass(frozen=True)
class Option:
    """A variant with what is known of it on one machine at one context. ``fit`` None: its header cannot be read.

    ``speeds`` is tokens per second while writing; what is decided is decided by a full context's.
    ``damaged``: it was looked at and is no sound GGUF file; ``unplannable``: it is one, and no figures follow from it.
    """

    variant: Variant
    quality: Quality
    fit: Fit | None = None
    speeds: Speeds | None = None
    damaged: bool = False
    unplannable: bool = False

    @property
    def rate(self) -> Rate | None:
        """The speed with the whole context used."""
        return self.speeds.full if self.speeds is not None else None

    @property
    def runs(self) -> bool:
        return self.fit is not None and self.fit.fits

    @property
    def readable(self) -> bool:
        """Whether it answers at reading speed, as far as is known: judged by the figure as it is shown."""
        return self.rate is None or round(self.rate.expected, 1) >= READING_SPEED

    @property
    def severity(self) -> float:
        """The loss on the labels' scale, the worst where nothing is known."""
        return WORST if self.quality.severity_high is None else self.quality.severity_high

    @property
    def spare_bytes(self) -> int:
        """What stays free where it goes: on the GPUs when it is all there, else in main memory."""
        used, free = self.used_of_free
        return free - used

    @property
    def used_of_free(self) -> tuple[int, int]:
        """Bytes it takes where it goes (the GPUs when it is all there, else main memory), and those free there."""
        if self.fit is None or not self.fit.fits:
            return 0, 0
        on_gpu = self.fit.placement == "gpu"
        free = sum(pool.free_bytes for pool in self.fit.pools if (pool.device > 0) == on_gpu)
        used = sum(device.total_bytes for device in self.fit.memory.devices if (device.device > 0) == on_gpu)
        return used, free

    @property
    def tight(self) -> bool:
        """Whether it fits with little to spare, so that another program's window may push it out."""
        if self.fit is None or not self.fit.fits:
            return False
        uncertain = self.fit.band * self.fit.memory.total_bytes
        return self.spare_bytes < max(uncertain, min(TIGHT_BYTES, TIGHT_SHARE * (self.spare_bytes + self._used)))

    @property
    def _used(self) -> int:
        return 0 if self.fit is None else self.fit.memory.total_bytes


@dataclass(frozen=True)
class Alternatives:
    """What would help where nothing fits, as far as it was worked out: contexts in tokens, None where it would not.

    ``context`` is the longest with which the smallest variant fits, ``context_q8`` the same with a KV cache of q8_0;
    ``parameters`` the size of a model that would fit in 4 bits.
    """

    context: int | None = None
    context_q8: int | None = None
    parameters: float | None = None


class ReasonKind(StrEnum):
    """What a reason says. The values are part of the headless contract (``reason_kinds``)."""

    # Why this one
    BEST_THAT_STAYS = "best-that-stays"  # the least loss in the fastest memory anything fits
    BEST_THAT_STAYS_AND_ANSWERS = "best-that-stays-and-answers"  # the same, of those at reading speed
    ONLY_VARIANT = "only-variant"
    ONLY_ONE_THAT_FITS = "only-one-that-fits"
    ONLY_ONE_THAT_LOADS = "only-one-that-loads"
    LEAST_LOSS_FOR_SPEED = "least-loss-for-speed"  # nothing acceptable stays there: the least loss at about full speed
    ABOUT_QUICKEST = "about-quickest"  # nothing is at reading speed without a large loss
    LEAST_LOSS_AT_READING_SPEED = "least-loss-at-reading-speed"
    CLOSEST_TO_READING_SPEED = "closest-to-reading-speed"
    FASTEST_NOT_NOTICEABLE = "fastest-not-noticeable"
    ALL_NOTICEABLE = "all-noticeable"  # everything that fits loses noticeably: the least of it

    # What has to be said besides
    NOT_MEASURED = "not-measured"
    MEASURED_HERE = "measured-here"  # its loss is this computer's own figure
    OLDER_FORMAT = "older-format"
    LARGE_LOSS = "large-loss"
    PROMPT_TIME = "prompt-time"  # reading a prompt that fills the context takes long
    PLANNED_BY_ENGINE = "planned-by-engine"
    ESTIMATED = "estimated"

    # What a neighbour would mean
    CANNOT_BE_LOADED = "cannot-be-loaded"
    DAMAGED = "damaged"
    TOO_LARGE = "too-large"
    BUYS_NOTHING_MEASURABLE = "buys-nothing-measurable"
    SPILLS_LAYERS = "spills-layers"
    SPILLS_EXPERTS = "spills-experts"
    FITS_TOO = "fits-too"
    FITS_BUT_SLOW = "fits-but-slow"  # slower than a person reads
    TAKES_MORE = "takes-more"
    RUNS_ELSEWHERE = "runs-elsewhere"
    SAVES = "saves"

    # Why nothing, and what would help
    NO_VARIANTS = "no-variants"
    NO_HEADER_READ = "no-header-read"
    NONE_CAN_BE_LOADED = "none-can-be-loaded"
    NOTHING_FITS = "nothing-fits"
    FITS_WITH_SHORTER_CONTEXT = "fits-with-shorter-context"
    FITS_WITH_Q8_CACHE = "fits-with-q8-cache"
    TAKE_SMALLER_MODEL = "take-smaller-model"


@dataclass(frozen=True)
class Reason:
    """One thing to know about a choice: its kind, the option it is about, and figures, 0 or None where it has none.

    ``bytes`` is what it takes more, saves, lacks or leaves free, by its kind; ``context`` in tokens; ``speed_share``
    the option's speed over the recommended one's, where the difference is worth a word; ``parameters`` of a model
    that would fit; ``seconds`` are those until a prompt that fills the context is read;
    ``roomy``: a better option that only just fits was left aside for this one.
    """

    kind: ReasonKind
    option: Option | None = None
    bytes: int = 0
    layers: int = 0
    context: int = 0
    speed_share: float | None = None
    parameters: float | None = None
    seconds: float = 0.0
    roomy: bool = False


@dataclass(frozen=True)
class Neighbour:
    """Another option beside the recommended one, and what it would cost or bring."""

    index: int
    reason: Reason


@dataclass(frozen=True)
class Recommendation:
    """``index`` of the recommended option (None: nothing fits), the reasons, most telling first, and the neighbours."""

    goal: Goal
    index: int | None
    reasons: tuple[Reason, ...]
    neighbours: tuple[Neighbour, ...] = ()
