"""Heft's models as Ollama lists, shows and tells of them.

https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from desktop.core.hardware import RAM
from desktop.core.load_plan import LoadPlan
from desktop.core.model_kind import ModelKind
from desktop.core.units import human_parameters
from desktop.services.serve.api import ModelState, ServedModel
from desktop.services.serve.door.model_facts import ModelFacts

_FAR = timedelta(days=365)  # Ollama has no word for "never"


def listed(model: ServedModel, context: int) -> dict[str, Any]:
    """An entry of /api/tags, with the context that a request gets, as /api/ps has it."""
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": _time(model.modified),
        "size": model.size_bytes,
        "digest": digest(model),
        "details": details(model),
        "context_length": context,
    }


def running(state: ModelState, now: float) -> dict[str, Any]:
    """An entry of /api/ps: a loaded model. ``now`` is in seconds since 1970."""
    plan = state.plan
    until = now + _FAR.total_seconds() if state.idle_until is None else state.idle_until
    entry = listed(state.model, plan.context if plan is not None else 0)
    del entry["modified_at"]
    return entry | {
        "size": state.memory_bytes,
        "size_vram": _on_cards(plan),
        "expires_at": _time(until),
    }


def shown(model: ServedModel, facts: ModelFacts, context: int) -> dict[str, Any]:
    """The answer of /api/show. Clients take the context that they may fill from the model's facts or its parameters:
    both have what a request gets, whatever it was trained for.
    """
    architecture = facts.metadata.get("general.architecture") or model.architecture
    info = {**facts.metadata, **({f"{architecture}.context_length": context} if architecture and context else {})}
    embeds = model.kind is ModelKind.EMBEDDING
    sees, hears = "image" in model.media, "sound" in model.media
    known = (("tools", facts.tools), ("thinking", facts.thinks), ("vision", sees), ("audio", hears))
    knows = [name for name, has in known if has and not embeds]
    return {
        "modelfile": f"# Heft serves this file as it is; it has no Modelfile.\nFROM {model.name}\n",
        "parameters": f"num_ctx {context}" if context else "",
        "template": facts.template,
        "license": facts.license,
        "details": details(model),
        "model_info": info,
        "capabilities": ["embedding"] if embeds else ["completion", *knows],
        "modified_at": _time(model.modified),
    }


def details(model: ServedModel) -> dict[str, Any]:
    """What kind of model it is."""
    family = model.architecture
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": human_parameters(model.parameters).replace(" ", "") if model.parameters else "",
        "quantization_level": model.quantization,
    }


def digest(model: ServedModel) -> str:
    """What stands for Ollama's digest: it changes with the file, and is no hash of its content."""
    identity = f"{model.ref.identity}\n{model.size_bytes}\n{model.modified}"
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _on_cards(plan: LoadPlan | None) -> int:
    """Bytes on graphics cards."""
    if plan is None or plan.fit is None:
        return 0
    return sum(device.total_bytes for device in plan.fit.memory.devices if device.device != RAM)
