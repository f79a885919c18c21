"""Facts of architectures that a header does not say: windows, recurrent layers, layers that share a cache.

Source: llama.cpp 0c1e57098, ``src/models/NAME.cpp`` (load_arch_hparams) and ``src/llama-arch.cpp``
(llm_arch_is_recurrent, llm_arch_is_hybrid); the names are ``general.architecture``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from desktop.core.model_kind import ENCODERS, TEXT_DIFFUSION

CacheUse = Literal["read", "unread", "none"]  # "unread": allocated all the same
# Without a matrix for the output, or with the embedding itself for one: nothing is copied (src/models/*.cpp)
NEVER_COPIED = frozenset(
    ("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert",
     "bitnet"),
)  # fmt: skip
IndexerRule = Literal["", "all", "listed", "sparse", "attention", "compressed"]
RecurrentRule = Literal["", "all", "beside-attention", "no-kv-heads", "no-kv-heads-no-ffn", "interval"]


@dataclass(frozen=True)
class Windows:
    """Sliding windows: ``period`` (one layer in so many sees everything) unless the file lists the layers.

    ``default`` is the window when the file names none, ``fixed`` the one used whatever it names; tokens.
    ``dense_first``: the first layer of a period sees everything, not the last. ``only_layers``: there are windows in
    models of that many layers only.
    """

    period: int
    default: int = 0
    fixed: int = 0
    dense_first: bool = False
    only_layers: int = 0


@dataclass(frozen=True)
class Fused:
    """Which matrices a file stores as one; ``gated`` False: the feed-forward part has no gate.

    ``parallel``: attention and feed-forward part read the same norm.
    """

    query_key_value: bool = False
    gate_up: bool = False
    gated: bool = True
    parallel: bool = False


PLAIN = Fused()


@dataclass(frozen=True)
class Norms:
    """Where a layer has its norms, when not in front of attention and of the feed-forward part, with weights.

    ``behind``: only what the two give is normed. ``centred``: the mean is taken off, and nothing is written over its
    input. ``inside``: what attention or activation gives is normed before the matrix that follows. ``experts``: experts
    have a norm of their own, of the stream as attention reads it, beside a dense part. ``scaled``: what a layer gives
    is multiplied by a weight. ``second``: attention and a feed-forward part beside it have a norm each.
    """

    behind: bool = False
    centred: bool = False
    inside: bool = False
    experts: bool = False
    scaled: bool = False
    second: bool = False


BEFORE = Norms()


@dataclass(frozen=True)
class Facts:
    """What the engine knows of an architecture by its name.

    ``recurrent`` says which layers hold a recurrent state, ``own_kv_layers`` how many own a cache (0: all),
    ``cache`` is whether there is one of keys and values (llama_model::create_memory) and whether the graph reads it:
    encoders and diffusion models see one batch and keep nothing. ``shared_experts`` is what
    ``expert_shared_count`` is when the file does not say it, ``fused`` how files of it usually store their matrices,
    ``norms`` where they usually have norms.
    ``indexer``: which layers keep keys to choose from what attention reads ("sparse": those with experts, "attention":
    those with a cache, "compressed": counted with the cache). ``halved``: the feed-forward part is half as wide as its
    key says; ``router``: behind the layers comes one more, with a cache for a single head
    (src/models/granite-switch.cpp).
    """

    windows: Windows | None = None
    recurrent: RecurrentRule = ""
    own_kv_layers: int = 0
    cache: CacheUse = "read"
    shared_experts: int = 0
    fused: Fused = PLAIN
    norms: Norms = BEFORE
    indexer: IndexerRule = ""
    halved: bool = False
    router: bool = False
    known: bool = True

    def attends(self, recurrent: bool, feed_forward: int) -> bool:
        """Whether a layer has a cache of keys and values."""
        if self.cache == "none" or self.recurrent == "all":
            return False
        if self.recurrent == "no-kv-heads-no-ffn":
            return not recurrent and feed_forward == 0
        return self.recurrent == "beside-attention" or not recurrent


_PLAIN = (
    "llama", "mistral3", "mistral4", "deci", "falcon", "grok", "gpt2", "gptneox", "mpt", "baichuan",
    "starcoder", "starcoder2", "refact", "bloom", "stablelm", "qwen2", "qwen2vl", "qwen3", "qwen3vl",
    "qwen3vlmoe", "qwen2moe", "qwen3moe", "phi2", "phi3", "phimoe", "plamo", "codeshell", "orion", "internlm2",
    "minicpm", "minicpm3", "gemma", "command-r", "dbrx", "olmo", "olmoe", "openelm", "arctic", "deepseek", "deepseek2",
    "chatglm", "glm4", "glm4moe", "bitnet", "jais", "nemotron", "exaone", "granite", "granitemoe", "chameleon",
    "bailingmoe", "bailingmoe2", "dots1", "arcee", "ernie4_5", "ernie4_5-moe", "hunyuan-moe", "hunyuan-dense",
    "smollm3", "seed_oss", "grovemoe", "apertus", "minimax-m2", "cogvlm", "xverse", "pangu-embedded", "plm", "jais2",
    "maincoder", "paddleocr", "nanbeige", "talkie",
)  # fmt: skip

FACTS: Mapping[str, Facts] = {
    **{name: Facts() for name in _PLAIN},
    **{name: Facts(fused=Fused(query_key_value=True, gate_up=True)) for name in ("phi3", "chatglm", "glm4")},
    **{
        name: Facts(fused=Fused(query_key_value=True, gated=False))
        for name in ("gpt2", "starcoder", "bloom", "mpt", "codeshell")
    },
    **{
        name: Facts(fused=Fused(query_key_value=True, gated=False, parallel=True))
        for name in ("falcon", "gptneox", "phi2")
    },
    "command-r": Facts(fused=Fused(parallel=True), norms=Norms(centred=True)),
    "dbrx": Facts(fused=Fused(query_key_value=True), norms=Norms(centred=True)),
    **{name: Facts(fused=Fused(gated=False)) for name in ("starcoder2", "nemotron")},
    **{name: Facts(cache="none") for name in (*ENCODERS, *TEXT_DIFFUSION)},
    **{name: Facts(cache="none", fused=Fused(gated=False)) for name in ("bert", "nomic-bert-moe", "jina-bert-v3")},
    **{
        name: Facts(windows, cache="none", fused=Fused(query_key_value=True, gate_up=True))
        for name, windows in (("neo-bert", None), ("modern-bert", Windows(3, dense_first=True)))
    },
    "gemma-embedding": Facts(Windows(6), cache="none"),
    "wavtokenizer-dec": Facts(cache="none"),
    "llama-embed": Facts(cache="unread"),
    "t5encoder": Facts(cache="unread"),
    "t5": Facts(),
    "gemma2": Facts(Windows(2, default=4096)),
    "gemma3": Facts(Windows(6)),
    "gemma3n": Facts(Windows(5), own_kv_layers=20),
    "gemma4": Facts(Windows(0)),
    "gpt-oss": Facts(Windows(2)),
    "cohere2": Facts(Windows(4), fused=Fused(parallel=True), norms=Norms(centred=True)),
    "cohere2moe": Facts(Windows(4, dense_first=True)),
    "llama4": Facts(Windows(4, fixed=8192), shared_experts=1),
    "exaone4": Facts(Windows(4, default=4096, only_layers=64), norms=Norms(behind=True)),
    "exaone-moe": Facts(Windows(4, default=128)),
    "olmo2": Facts(Windows(4), norms=Norms(behind=True)),
    "olmo": Facts(norms=Norms(centred=True)),
    "bitnet": Facts(norms=Norms(inside=True)),
    "arctic": Facts(norms=Norms(experts=True)),
    "afmoe": Facts(Windows(4)),
    "mellum": Facts(Windows(4)),
    "muse-glimmer": Facts(Windows(4)),
    "plamo3": Facts(Windows(8)),
    "laguna": Facts(Windows(4, dense_first=True)),
    "smallthinker": Facts(Windows(4, fixed=4096, dense_first=True)),
    # the file lists the layers; there is no default
    **{name: Facts(Windows(1)) for name in ("granite_swa", "maple", "mimo2", "spark2_5", "step35")},
    **{name: Facts(recurrent="all") for name in ("mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7")},
    **{name: Facts(recurrent="interval") for name in ("qwen3next", "qwen35", "qwen35moe", "minimax-01")},
    "qwen4exp": Facts(recurrent="interval", indexer="attention"),
    "glm5-next": Facts(recurrent="no-kv-heads", indexer="attention"),
    **{
        name: Facts(recurrent="no-kv-heads")
        for name in ("jamba", "granitehybrid", "plamo2", "lfm2moe", "kimi-linear", "kimi-k3", "bailingmoe3")
    },
    "lfm2": Facts(Windows(0), recurrent="no-kv-heads"),
    "deepseek32": Facts(indexer="all"),
    **{name: Facts(indexer="listed") for name in ("glm-dsa", "hy_v4")},
    "dots3note": Facts(Windows(1), indexer="listed"),
    "minimax-m3": Facts(indexer="sparse"),
    "deepseek4": Facts(indexer="compressed"),
    "dflash": Facts(Windows(1)),
    "graniteswitch": Facts(fused=Fused(query_key_value=True), router=True),
    "qwen": Facts(fused=Fused(query_key_value=True), halved=True),
    **{name: Facts(recurrent="no-kv-heads-no-ffn") for name in ("nemotron_h", "nemotron_h_moe")},
    "falcon-h1": Facts(recurrent="beside-attention"),
}


def facts_of(architecture: str) -> Facts:
    """The facts of an architecture; those of a plain one, marked unknown, for a name without an entry."""
    return FACTS.get(architecture, Facts(known=False))
