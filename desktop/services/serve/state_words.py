"""What is said of the server, its models and its requests: the same on the page, in the status bar and in commands."""

from __future__ import annotations

from desktop.core.units import human_time
from desktop.core.words import counted, tr
from desktop.services.models.kind_words import kind_fact
from desktop.services.serve.api import ModelState, RequestRecord
from desktop.services.serve.service import Phase

PHASES: dict[Phase, str] = {
    "off": tr("off"),
    "starting": tr("starting"),
    "on": tr("on"),
    "failed": tr("could not start"),
}
THIS_COMPUTER, NETWORK = tr("this computer only"), tr("open to your network")

_LOADED = (tr("ready"), tr("answering"))
_REQUESTS = {
    "waiting": tr("waiting for the model"),
    "reading": tr("reading"),
    "answering": tr("answering"),
    "done": tr("done"),
}


def reach_words(network: bool) -> str:
    """Who reaches the server."""
    return NETWORK if network else THIS_COMPUTER


def serving_words(clients: int) -> str:
    """``Serving · 2 clients``, for the status bar."""
    return tr("Serving · {clients}", clients=counted(clients, "client")) if clients else tr("Serving")


def model_words(found: ModelState) -> str:
    """What a model is besides its name: quantization, kind, that the chat uses it, too."""
    kind = kind_fact(found.model.kind)
    return " · ".join(filter(None, (found.model.quantization, kind, tr("also in Chat") if found.in_chat else "")))


def model_state_words(found: ModelState) -> str:
    """What it is doing: ``answering 2``, ``ready``, ``fits when qwen3-8b rests``."""
    match found.phase:
        case "answering":
            return tr("answering {leases}", leases=found.leases) if found.leases > 1 else tr("answering")
        case "ready":
            return tr("ready")
        case "loading":
            return tr("loading")
    if found.too_large:
        return tr("too large")
    if found.would_go:
        return tr(
            "fits when {would_go} rests" if len(found.would_go) == 1 else "fits when {would_go} rest",
            would_go=tr(" and ").join(found.would_go),
        )
    return tr("loaded when asked for")


def model_mark(found: ModelState) -> str:
    """A sign before the words, so that colour says nothing alone: full, half and empty; a cross for too large."""
    if found.phase in _LOADED:
        return "●"
    return "◐" if found.phase == "loading" else "✕" if found.too_large else "○"


def where_words(found: ModelState) -> str:
    """The devices that hold it, or would: ``RTX 4070 + RAM``, ``CPU``."""
    fit = found.plan.fit if found.plan is not None else None
    if fit is None:
        return "–"
    names = fit.gpu_names
    if not names:
        return "CPU"
    return names if fit.placement == "gpu" else tr("{names} + RAM", names=names)


def slots_words(found: ModelState) -> str:
    """``2 / 4``: answers being written, of those it can write at once; those alone while it is not loaded."""
    most = str(found.plan.slots) if found.plan is not None else "–"
    return f"{found.leases} / {most}" if found.phase in _LOADED and most != "–" else most


def context_words(tokens: int) -> str:
    """``16k``; the exact number where it is no round one."""
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens:,}" if tokens else "–"


def kept_words(record: RequestRecord) -> str:
    """How much of a prompt was not read again: ``98 % kept``; "" for nothing."""
    if not record.cached_tokens or not record.prompt_tokens:
        return ""
    return f"{min(1.0, record.cached_tokens / record.prompt_tokens):.0%} kept".replace("%", " %")


def asked_words(record: RequestRecord, now: float) -> str:
    """How long ago: ``now``, ``40 s``, ``2 min``."""
    passed = now - record.asked_at
    return tr("now") if passed < 10.0 else human_time(passed)


def request_state_words(record: RequestRecord) -> str:
    """What became of it; an error with its HTTP status."""
    if record.state == "refused":
        return " ".join(filter(None, (str(record.status or ""), record.error or "refused")))
    if record.state == "stopped":
        return tr("stopped by the client")
    return _REQUESTS[record.state]
