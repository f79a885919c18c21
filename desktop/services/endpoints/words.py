"""What there is to say of another server: the same on its page and in the commands."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.core.words import counted, tr
from desktop.engine.endpoint.models import ServerKind
from desktop.services.endpoints.service import Tested
from desktop.services.kept_key import Place

ABOUT = tr(
    "Servers that speak OpenAI's protocol: llama-server, vLLM, LM Studio, Ollama, "
    "another Heft, or a service. Their models stand in the chat's model menu; what is "
    "asked there leaves this computer."
)
KINDS: Mapping[ServerKind, str] = {
    "llama.cpp": "llama-server",
    "vllm": "vLLM",
    "lm-studio": tr("LM Studio"),
    "ollama": tr("Ollama"),
    "openai": tr("OpenAI-compatible"),
}


def server_words(tested: Tested) -> str:
    """``llama-server, 2 models, answers in 12 ms``, or why it does not and the one thing to do."""
    if tested.error is not None:
        return f"{tested.error.message} {tested.error.hint}".strip()
    if tested.offer is None:
        return tr("Not asked yet.")
    count = len(tested.models)
    models = counted(count, "model") if count else tr("no model that writes answers")
    milliseconds = max(1, round(1000 * tested.latency_seconds))
    return tr(
        "{kinds}, {models}, answers in {milliseconds:,} ms",
        kinds=KINDS[tested.offer.kind],
        models=models,
        milliseconds=milliseconds,
    )


def kept_words(kept: Place | None) -> str:
    """Where a key is that was given; "" without one."""
    if kept is None:
        return ""
    if kept == "file":
        return tr("This computer has no keyring: its key lies in a file of Heft's that only you can read.")
    return tr("Its key is in this computer's keyring.")
