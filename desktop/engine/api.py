"""What is asked of an engine and what it tells: one set of values for every engine there is.

Each is a tagged msgspec Struct, so an unknown or malformed one is a decoding error and never a guess.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from desktop.core.cancelled import CancelledError
from desktop.core.errors import ContextFullError, EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import DEFAULT_BATCH, FlashAttention, KvType
from desktop.core.model_kind import Purpose, purpose_of
from desktop.core.projector import MediaKind
from desktop.core.speculation import Speculation
from desktop.core.tool_calls import CalledTool, ToolSpec
from desktop.engine.chat_messages import ChatMessage as ChatMessage  # what is asked about
from desktop.engine.chat_messages import Media as Media
from desktop.engine.chat_messages import Role as Role
from desktop.engine.device_records import Device, DeviceHeld, DeviceRefusal
from desktop.engine.sampling import Sampling as Sampling  # a part of what is asked
from desktop.engine.token_choices import TokenChoice

FinishReason = Literal["stop", "length", "cancelled", "context-full", "tool-calls"]


# -- requests: Heft to the engine ----------------------------------------------------------------


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Load a model as it was planned; see :meth:`of`. ``context_length`` is in tokens.

    ``path`` is a file's, or ``endpoint:NAME/MODEL``: a model of another server, of which nothing is loaded here.

    ``fewer_layers``: where the GPUs turn out to have less room than planned, load with fewer layers on them rather
    than not at all. ``shares_cores``: an answer leaves threads to other programs while that pays. ``devices`` are the
    GPUs to use, by their names in the engine ("": all, or "none"). ``template`` stands in for the model's own chat
    template. ``draft`` is the file of a draft model; ``plain_seconds`` and ``plain_growth`` are those of
    :class:`desktop.core.speculation.PlainSpeed`. ``slots`` conversations have that context each. ``projector`` is
    a file that lets the model see or hear; it lies on a GPU where the model does, at least in part. ``tensor_split``
    ``kv_offload`` and ``batch`` are those of :class:`desktop.core.load_plan.LoadPlan`.
    """

    path: str
    context_length: int
    cache_type_k: KvType = "f16"
    cache_type_v: KvType = "f16"
    flash_attention: FlashAttention = "auto"
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    threads: int = 1
    fewer_layers: bool = False
    shares_cores: bool = False
    request_id: int = 0
    template: str = ""
    speculation: Speculation = "off"
    draft: str = ""
    plain_seconds: float = 0.0
    plain_growth: float = 0.0
    devices: str = ""
    slots: int = 1
    purpose: Purpose = "text"
    projector: str = ""
    tensor_split: str = ""
    kv_offload: bool = True
    batch: int = DEFAULT_BATCH

    @classmethod
    def of(cls, plan: LoadPlan) -> Load:
        """The request that a plan comes to: nothing is decided here."""
        return cls(
            slots=plan.slots,
            purpose=purpose_of(plan.kind),
            path=plan.where,
            context_length=plan.context,
            cache_type_k=plan.kv_types[0],
            cache_type_v=plan.kv_types[1],
            flash_attention=plan.flash_attention,
            gpu_layers=plan.gpu_layers,
            cpu_expert_layers=plan.cpu_expert_layers,
            threads=plan.threads,
            fewer_layers=plan.asked.gpu_layers is None and plan.gpu_layers > 0,
            shares_cores=plan.asked.threads is None,
            speculation=plan.speculating.kind,
            draft=str(plan.speculating.draft or ""),
            plain_seconds=plan.plain.seconds,
            plain_growth=plan.plain.growth,
            devices=plan.devices,
            projector=str(plan.projector.path) if plan.projector is not None else "",
            tensor_split=plan.tensor_split,
            kv_offload=plan.kv_offload,
            batch=plan.batch,
        )

    @property
    def kv_types(self) -> tuple[KvType, KvType]:
        """Types of the cache's keys and values."""
        return self.cache_type_k, self.cache_type_v


class Generate(msgspec.Struct, frozen=True, tag="generate"):
    """Answer ``messages`` through the chat template, or continue ``prompt`` as raw text when it is given.

    When the last message is the assistant's, its text is continued. ``max_tokens`` 0 means until the model ends
    its turn or the context is full. ``template`` stands in for the model's own. ``thinking`` None leaves it to the
    template; ``effort`` is a level that the template knows ("low", "medium", "high"), "" its own. ``chosen`` names the
    fields of ``sampling`` that a person set: another server is asked for no others, as it has defaults of its own.
    ``alternatives`` is how many likely tokens are told for each that is written, where the server can; 0 for none.
    ``tools`` may be called: then the answer ends with "tool-calls".
    """

    request_id: int
    messages: tuple[ChatMessage, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    max_tokens: int = 0
    template: str | None = None
    thinking: bool | None = None
    effort: str = ""
    chosen: tuple[str, ...] = ()
    alternatives: int = 0
    tools: tuple[ToolSpec, ...] = ()

    @property
    def with_tools(self) -> bool:
        """Whether tools are offered, or were called in the conversation."""
        return bool(self.tools) or any(message.role == "tool" or message.calls for message in self.messages)


class Count(msgspec.Struct, frozen=True, tag="count"):
    """How many tokens ``asked`` is as a prompt, through the chat template; nothing is read or written."""

    request_id: int
    asked: Generate


class Benchmark(msgspec.Struct, frozen=True, tag="benchmark"):
    """Time prompt reading and generation, ``repeat`` times each, on the loaded model (tokens)."""

    request_id: int
    prompt_tokens: int = 512
    generate_tokens: int = 64
    repeat: int = 3


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop the running load, generation or benchmark; what was generated stays valid."""


class Unload(msgspec.Struct, frozen=True, tag="unload"):
    """Free the model; the process stays."""


class Shutdown(msgspec.Struct, frozen=True, tag="shutdown"):
    """End the process cleanly."""


Request = Load | Generate | Count | Benchmark | Cancel | Unload | Shutdown

# -- events: the engine to Heft ------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """What the installed engine is.

    ``features`` is what the CPU backend was compiled with and uses (``AVX2`` ...), in the engine's own words.
    ``cpu_variant`` is the one a portable engine chose ("zen4"), empty where one is compiled in; ``left_out`` says of
    each further backend that failed its trial why it is not used.
    """

    version: str
    features: tuple[str, ...]
    backends: tuple[str, ...]
    devices: tuple[Device, ...]
    architectures: tuple[str, ...]
    cpu_variant: str = ""
    left_out: tuple[str, ...] = ()


class LoadProgress(msgspec.Struct, frozen=True, tag="load-progress"):
    """Fraction of the weights read, 0 to 1, by the process ``pid``."""

    fraction: float
    request_id: int = 0
    pid: int = 0


class Memory(msgspec.Struct, frozen=True):
    """What the engine's own log says it allocated, and the process's resident memory; bytes.

    ``draft_bytes`` is all that speculation takes, what the log leaves out included.
    """

    weights_bytes: int
    kv_bytes: int
    recurrent_bytes: int
    compute_bytes: int
    output_bytes: int
    resident_bytes: int
    draft_bytes: int = 0
    projector_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Sum of the engine's own allocations (without the process's base)."""
        main = self.weights_bytes + self.kv_bytes + self.recurrent_bytes + self.compute_bytes + self.output_bytes
        return main + self.draft_bytes + self.projector_bytes


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """A model is ready, as it is loaded in fact. ``template`` says whose chat template is used: the model's own,
    the ChatML fallback, or none, and then the conversation is one text that the model continues. ``thinking`` is
    whether that template has a switch for it, and ``efforts`` the levels it knows. ``pid`` is the engine's process.
    ``speculation`` is in use, with the file ``draft``: "off" also where the engine could not do what was asked for.
    ``gpu_layers`` are on the GPUs in fact; ``devices`` say what each holds, main memory first, ``refused`` why there
    are fewer than planned; ``tensor_split``, ``kv_offload`` and ``batch`` as :class:`Load` has them. ``media`` are
    the kinds of attachments that it takes, by its projector. ``endpoint`` is the name of the other server that holds
    it, "" for this computer: with one, nothing is known of memory, layers and threads, and lengths are 0 where it does
    not tell them.
    ``tools``: its template knows tools, or it is not known whether it does.
    """

    path: str
    description: str
    context_length: int
    trained_context_length: int
    layers: int
    gpu_layers: int
    threads: int
    template: Literal["model", "chatml", "none"]
    memory: Memory
    seconds: float
    request_id: int = 0
    cache_type_k: KvType = "f16"
    cache_type_v: KvType = "f16"
    flash_attention: FlashAttention = "auto"
    cpu_expert_layers: int = 0
    thinking: bool = False
    efforts: tuple[str, ...] = ()
    parameters: int = 0
    pid: int = 0
    speculation: Speculation = "off"
    draft: str = ""
    devices: tuple[DeviceHeld, ...] = ()
    refused: DeviceRefusal | None = None
    slots: int = 1
    endpoint: str = ""
    media: tuple[MediaKind, ...] = ()
    tensor_split: str = ""
    kv_offload: bool = True
    batch: int = DEFAULT_BATCH
    tools: bool = False


class PromptProgress(msgspec.Struct, frozen=True, tag="prompt-progress"):
    """Tokens of the prompt read so far; ``reused`` came from the KV cache and were not read again."""

    request_id: int
    done: int
    total: int
    reused: int


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A batch of whole characters, of the answer (``text``), of the thinking before it (``reasoning``), or of both.

    ``tokens_per_second`` is live, over the last second; of ``drafted_tokens`` guessed so far ``accepted_tokens`` were
    right; the others are final. ``tokens`` are those that were written since the last batch, where they were asked for:
    all of them, also tags and what ended up in neither text.
    """

    request_id: int
    text: str
    generated_tokens: int
    context_used: int
    tokens_per_second: float
    prompt_tokens_per_second: float = 0.0
    seconds_to_first_token: float = 0.0
    reasoning: str = ""
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    tokens: tuple[TokenChoice, ...] = ()


class Statistics(msgspec.Struct, frozen=True):
    """One answer by a monotonic clock. ``prompt_tokens`` counts all, ``reused_tokens`` those not read again.

    Of ``threads`` (0: not told) ``given_up_threads`` were left to other programs for at least a part of it
    (:mod:`desktop.engine.server.core_share`). Of ``drafted_tokens``, which speculation guessed, ``accepted_tokens``
    were right; ``plain_tokens_per_second`` is what the model writes without, as far as it was measured, else 0.
    """

    prompt_tokens: int
    reused_tokens: int
    generated_tokens: int
    context_used: int
    context_length: int
    seconds_to_first_token: float
    prompt_tokens_per_second: float
    tokens_per_second: float
    resident_bytes: int
    given_up_threads: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    plain_tokens_per_second: float = 0.0
    threads: int = 0


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """An answer ended. ``notes`` are sentences the chat should show (fallback template ...).

    With the reason "tool-calls" it goes on when the tools have answered: ``calls`` are what it wants of them.
    """

    request_id: int
    reason: FinishReason
    statistics: Statistics
    notes: tuple[str, ...] = ()
    calls: tuple[CalledTool, ...] = ()


class Counted(msgspec.Struct, frozen=True, tag="counted"):
    """The length of a prompt, in tokens."""

    request_id: int
    tokens: int


class Benchmarked(msgspec.Struct, frozen=True, tag="benchmarked"):
    """Rates of each repetition, tokens per second. ``drafted_tokens`` were guessed (speculation)."""

    request_id: int
    prompt_tokens_per_second: tuple[float, ...]
    tokens_per_second: tuple[float, ...]
    threads: int
    drafted_tokens: int = 0


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A request was refused; the process lives. Same words as :class:`desktop.core.errors.HeftError`.

    ``needed_tokens`` and ``context_length`` are those of a conversation that the context does not hold.
    """

    request_id: int | None
    kind: FailureKind
    message: str
    hint: str
    detail: str = ""
    needed_tokens: int = 0
    context_length: int = 0

    @classmethod
    def of(cls, request_id: int | None, error: HeftError) -> Failed:
        """An exception as a refusal; :meth:`error` is the way back."""
        figures = (error.needed_tokens, error.context_length) if isinstance(error, ContextFullError) else (0, 0)
        return cls(request_id, error.kind, error.message, error.hint, error.detail, *figures)

    def error(self) -> HeftError:
        """The refusal as an exception."""
        if self.kind == FailureKind.CONTEXT_FULL:
            return ContextFullError(
                self.message,
                self.hint,
                detail=self.detail,
                needed_tokens=self.needed_tokens,
                context_length=self.context_length,
            )
        if self.kind == FailureKind.CANCELLED:
            return CancelledError(self.message, self.hint, detail=self.detail)
        return EngineError(self.message, self.hint, detail=self.detail, kind=self.kind)


class Unloaded(msgspec.Struct, frozen=True, tag="unloaded"):
    """No model is held any more."""


Event = Hello | LoadProgress | Loaded | PromptProgress | Text | Finished | Counted | Benchmarked | Failed | Unloaded


class EngineDied(msgspec.Struct, frozen=True, tag="died"):
    """The process ended unasked: a value, made by the client, never sent. ``log_tail`` are its last lines."""

    kind: FailureKind
    message: str
    hint: str
    log_tail: str
    exit_code: int | None
