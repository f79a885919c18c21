"""Search results in words: what a repo is, whether a typical variant fits, and what runs it when it is no GGUF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.placement import Pool
from desktop.core.units import human_parameters
from desktop.hub.records import Format, RepoSummary

Mark = Literal["fits", "partial", "too-large", "unknown", "other"]

# A typical variant is Q4_K_M (4.89 bits per weight, resources/data/quantizations.csv) at a few thousand tokens:
# over its weights a 4-bit model takes about 8% and half a gigabyte for cache and buffers (Llama-3.1-8B, memory.md).
TYPICAL_BYTES_PER_WEIGHT = 4.89 / 8
_OVERHEAD, _BUFFERS = 1.08, 500_000_000

_MARKS: dict[Mark, str] = {
    "fits": "● fits",
    "partial": "◐ partly on GPU",
    "too-large": "○ too large",
    "unknown": "size not known",
    "other": "not GGUF",
}
# What runs each format, in two words; resources/data/formats.toml has the sentences and their sources.
_RUNNERS: dict[Format, str] = {
    "AWQ": "AWQ 4-bit · needs vLLM",
    "GPTQ": "GPTQ · needs vLLM or ExLlama",
    "EXL2": "EXL2 · needs ExLlamaV2",
    "EXL3": "EXL3 · needs ExLlamaV3",
    "FP8": "FP8 · needs vLLM",
    "bitsandbytes": "bitsandbytes · needs Transformers",
    "MLX": "MLX · needs MLX on a Mac",
    "ONNX": "ONNX · needs ONNX Runtime",
    "safetensors": "safetensors · needs Transformers or vLLM",
    "PyTorch": "PyTorch · needs Transformers",
    "other": "an unknown format",
}


@dataclass(frozen=True)
class Result:
    """One result, ready to be shown. ``figures`` may be long; ``mark`` says the same as ``mark_words``."""

    repo: RepoSummary
    title: str
    about: str
    figures: str
    mark: Mark
    mark_words: str

    @property
    def is_gguf(self) -> bool:
        return self.mark != "other"


def result_of(repo: RepoSummary, pools: Sequence[Pool], now: float) -> Result:
    """A result in words; ``pools`` is the memory there is, empty when it is not known yet; ``now`` in seconds."""
    owner, _, name = repo.id.rpartition("/")
    mark = fit_mark(repo, pools)
    if mark == "other":
        runner = _RUNNERS[repo.formats[0]] if repo.formats else _RUNNERS["other"]
        about = f"{owner} · {runner}"
        figures = "→ show GGUF versions of this model"
    else:
        facts = [owner]
        if repo.parameters:
            facts.append(human_parameters(repo.parameters))
        facts += [repo.architecture] if repo.architecture else []
        facts += [f"{human_context(repo.context_length)} context"] if repo.context_length else []
        about = " · ".join(facts)
        figures = "   ".join(_figures(repo, now))
    words = "" if not pools and mark == "unknown" and repo.parameters else _MARKS[mark]
    return Result(repo, name, about, figures, mark, words)


def fit_mark(repo: RepoSummary, pools: Sequence[Pool]) -> Mark:
    """Whether a typical variant fits: from the number of parameters alone, before any header is read."""
    if repo.formats and "GGUF" not in repo.formats:
        return "other"
    if not repo.parameters or not pools:
        return "unknown"
    needed = typical_bytes(repo.parameters)
    gpu = sum(pool.free_bytes for pool in pools[1:])
    main = pools[0].free_bytes
    if len(pools) == 1 or any(pool.shared for pool in pools):
        return "fits" if needed <= max(gpu, main if len(pools) == 1 else 0) else "too-large"
    if needed <= gpu:
        return "fits"
    return "partial" if needed <= gpu + main else "too-large"


def typical_bytes(parameters: float) -> float:
    """Memory of a typical variant of a model with so many weights."""
    return parameters * TYPICAL_BYTES_PER_WEIGHT * _OVERHEAD + _BUFFERS


def most_parameters(pools: Sequence[Pool]) -> int:
    """Of the largest model whose typical variant fits all memory there is."""
    shared = any(pool.shared for pool in pools)
    free = max((pool.free_bytes for pool in pools), default=0) if shared else sum(pool.free_bytes for pool in pools)
    return max(0, int((free - _BUFFERS) / _OVERHEAD / TYPICAL_BYTES_PER_WEIGHT))


def human_count(count: int) -> str:
    """A number of downloads or likes: ``812k``, ``1.2M``."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= limit:
            scaled = count / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}{unit}"
    return str(count)


def human_context(tokens: int) -> str:
    """A context length as people write it: ``40k``, ``128k``, ``1M``; 1k is 1,024."""
    if tokens >= 1 << 20:
        return f"{tokens / (1 << 20):.3g}M"
    return f"{tokens // 1024}k" if tokens >= 1024 else str(tokens)


def ago(seconds: float) -> str:
    """A span of time in the largest whole unit: ``3 months ago``."""
    days = int(seconds // 86_400)
    for length, unit in ((365, "year"), (30, "month"), (7, "week"), (1, "day")):
        if days >= length:
            count = days // length
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "today"


def _figures(repo: RepoSummary, now: float) -> list[str]:
    found = [f"↓ {human_count(repo.downloads)}", f"♥ {human_count(repo.likes)}"]
    if repo.updated is not None:
        found.append(f"updated {ago(now - repo.updated)}")
    if repo.gated:
        found.append("gated")
    return found
