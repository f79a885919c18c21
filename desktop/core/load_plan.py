"""What a load will be: every setting decided, what it takes and how fast it will be; and what it was in the end."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.context_length import engine_context
from desktop.core.load_settings import DEFAULT_CONTEXT, FlashAttention, KvType, LoadSettings
from desktop.core.model_fault import Fault
from desktop.core.model_kind import ModelKind, purpose_of
from desktop.core.model_ref import ModelRef
from desktop.core.projector import Projector
from desktop.core.speculation import NOT_SPECULATING, UNMEASURED, PlainSpeed, Speculating

if TYPE_CHECKING:  # the window starts without the formulas
    from desktop.core.placement import Fit
    from desktop.core.speed import Speeds


@dataclass(frozen=True)
class LoadPlan:
    """A load as it was weighed. The engine is started from this and from nothing else.

    ``asked`` is what was set; all else was decided for it. ``fit`` is the verdict with memory per device (its
    ``method`` says how it was obtained); None where a model could not be planned, which keeps it from nothing:
    ``fallback_context`` (tokens) is then used. ``speeds`` None: nothing is known, or it does not fit. ``note`` says
    where figures are less than what was asked for. ``experts`` is how many a layer has, 0 for a dense model;
    ``cores`` are the physical ones the process may use, 0 where that is not known. ``kind`` is what the file is
    for: with one that writes no text the engine is not started, nor with a file that has a ``fault``.
    ``speculating`` is how tokens are guessed; ``plain`` how fast this model was measured to write without that.
    ``flash`` is how attention is computed where nothing was asked for. ``projector`` is loaded beside the model.
    ``gone`` are devices on which it ran last, and that the engine does not find now.
    """

    ref: ModelRef
    asked: LoadSettings
    threads: int
    fit: Fit | None = None
    speeds: Speeds | None = None
    fallback_context: int = DEFAULT_CONTEXT
    trained_context: int = 0
    note: str = ""
    experts: int = 0
    cores: int = 0
    kind: ModelKind = ModelKind.UNKNOWN
    fault: Fault | None = None
    speculating: Speculating = NOT_SPECULATING
    plain: PlainSpeed = UNMEASURED
    flash: FlashAttention = "auto"
    projector: Projector | None = None
    gone: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file to load. ValueError for a model that is not on this computer."""
        if self.ref.path is None:
            raise ValueError(f"{self.ref.identity} is not on this computer")
        return self.ref.path

    @property
    def where(self) -> str:
        """What the engine is asked to load: the path of the file, or the identity of another server's model."""
        return self.ref.identity if self.ref.elsewhere is not None else str(self.path)

    @property
    def context(self) -> int:
        """What the engine will have, in tokens: as many as were asked for, or up to 255 more."""
        return self.fit.context if self.fit is not None else engine_context(self.asked.context or self.fallback_context)

    @property
    def kv_types(self) -> tuple[KvType, KvType]:
        """Types of the cache's keys and values."""
        return self.asked.kv_types

    @property
    def flash_attention(self) -> FlashAttention:
        """ "auto" leaves it to llama.cpp, which fuses attention wherever the devices can."""
        return self.asked.flash_attention or self.flash

    @property
    def gpu_layers(self) -> int:
        """Layers on the GPUs; the output counts as one."""
        return self.fit.gpu_layers if self.fit is not None else self.asked.gpu_layers or 0

    @property
    def cpu_expert_layers(self) -> int:
        """Layers, from the first, whose experts stay in main memory."""
        return self.fit.cpu_expert_layers if self.fit is not None else self.asked.cpu_expert_layers or 0

    @property
    def devices(self) -> str:
        """The engine's devices to use, as llama.cpp's ``--device`` has them; "" for all it has."""
        if self.fit is not None:
            return self.fit.devices
        from desktop.core.pools import is_engine_name

        asked = self.asked.devices or ""  # without a plan nobody knows what the engine calls another computer's
        return asked if all(is_engine_name(name.strip()) for name in asked.split(",")) else ""

    @property
    def tensor_split(self) -> str:
        """Layers of each GPU, with commas between, where several hold any: the engine would share them by what is free
        at the moment of the load. "" leaves it to the engine.
        """
        held = self.fit.gpu_shares if self.fit is not None else ()
        return ",".join(map(str, held)) if len(held) > 1 else ""

    @property
    def kv_offload(self) -> bool:
        """Whether GPUs hold the cache of the layers they compute."""
        return not self.asked.cache_in_ram

    @property
    def slots(self) -> int:
        """Conversations at once, each with a cache of its own for all of :attr:`context`."""
        return self.asked.slots or 1

    @property
    def batch(self) -> int:
        """Tokens that are computed at once: all of a text that becomes one vector, or one score."""
        return self.asked.batch_at(self.context) if purpose_of(self.kind) == "text" else self.context

    @property
    def settings(self) -> LoadSettings:
        """Every field as it will be."""
        keys, values = self.kv_types
        return LoadSettings(
            self.context, keys, values, self.flash_attention, self.gpu_layers, self.cpu_expert_layers, self.threads,
            self.speculating.kind, self.asked.draft if self.speculating.draft is not None else None,
            self.asked.devices, self.slots, self.asked.tensor_split or self.tensor_split or None,
            self.asked.main_device, "on" if self.kv_offload else "off", self.batch,
        )  # fmt: skip

    @property
    def fits(self) -> bool:
        """Whether it can be loaded, as far as that is known."""
        return self.fit is None or self.fit.fits

    def differs_from(self, loaded: LoadPlan) -> bool:
        """Whether the model would have to be loaded again for this plan, having been loaded by another.

        What is left to Heft in both is no difference, however the memory that is free has changed since.
        """
        mine, its = self.settings, loaded.settings
        told = (
            field.name for field in fields(LoadSettings)
            if (getattr(self.asked, field.name), getattr(loaded.asked, field.name)) != (None, None)
        )  # fmt: skip
        return any(getattr(mine, name) != getattr(its, name) for name in told)

    def at(self, ref: ModelRef) -> LoadPlan:
        """The same plan for the same model, whose files are now on this computer."""
        return replace(self, ref=ref)


@dataclass(frozen=True)
class Measured:
    """What a load or an answer took and gave, to be held against its plan.

    ``memory`` is bytes by component ("weights", "kv", "recurrent", "compute", "output", "draft"); rates are tokens per
    second, 0 where nothing was measured; ``context_used`` is in tokens. ``disturbed`` is the part of the time (0 to 1)
    in which other programs had the cores. ``drafted`` tokens were guessed, of which ``accepted`` were right.
    """

    memory: dict[str, int] = field(default_factory=dict)
    resident_bytes: int = 0
    decode: float = 0.0
    prompt: float = 0.0
    seconds_to_first_token: float = 0.0
    context_used: int = 0
    tokens: int = 0
    disturbed: float = 0.0
    drafted: int = 0
    accepted: int = 0
