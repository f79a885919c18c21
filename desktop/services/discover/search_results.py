"""Search results in words: what a repo is, whether a typical variant fits, and what runs it when it is no GGUF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from desktop.core.pools import Pool
from desktop.core.token_counts import tokens_text
from desktop.core.units import human_parameters
from desktop.core.words import tr
from desktop.hub.records import Format, RepoSummary
from desktop.services.discover.search import fit_mark
from desktop.store.format_catalog import format_catalog

Mark = Literal["gpu", "partial", "cpu", "too-large", "unknown", "other"]

_MOST_PARAMETERS = 20_000_000_000_000  # above any model there is
_MARKS: dict[Mark, str] = {
    "gpu": tr("● fits"),
    "partial": tr("◐ partly on GPU"),
    "cpu": tr("● fits"),
    "too-large": tr("○ too large"),
    "unknown": tr("size not known"),
    "other": tr("not GGUF"),
}
# What runs each format, in two words; resources/data/formats.toml has the sentences and their sources.
_RUNNERS: dict[Format, str] = {
    "AWQ": tr("AWQ 4-bit · needs vLLM"),
    "GPTQ": tr("GPTQ · needs vLLM or ExLlama"),
    "EXL2": tr("EXL2 · needs ExLlamaV2"),
    "EXL3": tr("EXL3 · needs ExLlamaV3"),
    "FP8": tr("FP8 · needs vLLM"),
    "bitsandbytes": tr("bitsandbytes · needs Transformers"),
    "MLX": tr("MLX · needs MLX on a Mac"),
    "ONNX": tr("ONNX · needs ONNX Runtime"),
    "safetensors": tr("safetensors · needs Transformers or vLLM"),
    "PyTorch": tr("PyTorch · needs Transformers"),
    "other": tr("an unknown format"),
}
# Where the catalog of formats has each.
_CATALOG: dict[Format, str] = {
    "AWQ": "awq",
    "GPTQ": "gptq",
    "EXL2": "exl2",
    "EXL3": "exl3",
    "FP8": "fp8",
    "bitsandbytes": "bitsandbytes",
    "MLX": "mlx",
    "ONNX": "onnx",
    "safetensors": "hf-transformers",
    "PyTorch": "pytorch",
}


def format_id(repo: RepoSummary) -> str:
    """Where the catalog of formats has what a repo holds; "" for what it does not know."""
    return _CATALOG.get(repo.formats[0], "") if repo.formats else ""


def other_format(repo: RepoSummary) -> tuple[str, str]:
    """What a repo without GGUF files holds, in a sentence or two, and what runs it ("" where that is not known)."""
    entry = format_catalog().entries.get(format_id(repo))
    if entry is None:
        return tr("No file here is a GGUF file, which is what Heft runs."), ""
    return f"{entry.title}. {entry.what}", tr("It runs on: {runs_on}", runs_on=entry.runs_on) if entry.runs_on else ""


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
    mark: Mark = "other" if repo.formats and "GGUF" not in repo.formats else "unknown"
    if mark != "other" and pools:
        mark = fit_mark(repo, pools)
    if mark == "other":
        runner = _RUNNERS[repo.formats[0]] if repo.formats else _RUNNERS["other"]
        about = f"{owner} · {runner}"
        figures = tr("→ show GGUF versions of this model")
    else:
        facts = [owner]
        if repo.parameters:
            facts.append(human_parameters(repo.parameters))
        facts += [repo.architecture] if repo.architecture else []
        facts += [f"{tokens_text(repo.context_length)} context"] if repo.context_length else []
        about = " · ".join(facts)
        figures = "   ".join(_figures(repo, now))
    words = "" if not pools and mark == "unknown" and repo.parameters else _MARKS[mark]
    return Result(repo, name, about, figures, mark, words)


def most_parameters(pools: Sequence[Pool]) -> int:
    """Of the largest model whose typical variant fits the memory there is; 0 when nothing is known of it."""
    low, high = 0, _MOST_PARAMETERS if pools else 0
    while high - low > max(1, low >> 10):  # to a thousandth
        middle = (low + high) // 2
        fits = fit_mark(RepoSummary(id="", parameters=middle, formats=("GGUF",)), pools) != "too-large"
        low, high = (middle, high) if fits else (low, middle)
    return low


def human_count(count: int) -> str:
    """A number of downloads or likes: ``812k``, ``1.2M``."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= limit:
            scaled = count / limit
            return f"{scaled:.0f}{unit}" if scaled >= 10 else f"{scaled:.1f}{unit}"
    return str(count)


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
