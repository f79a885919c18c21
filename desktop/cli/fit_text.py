"""What ``heft fit`` prints for people: the verdict, its terms, and where they go."""

from __future__ import annotations

from desktop.cli.output import NAME_WIDTH, human_bytes, table
from desktop.core.context_length import engine_context
from desktop.core.hardware import RAM
from desktop.core.load_settings import kv_words
from desktop.core.naming import elided_name
from desktop.core.placement import Fit
from desktop.core.pools import Pool
from desktop.core.units import human_bits, human_parameters
from desktop.services.models.kind_words import kind_note
from desktop.services.planning.service import Weighed
from desktop.services.planning.words import memory_terms, prompt_words, remarks, speed_lines, warnings

_METHODS = {"engine": "the engine's own plan", "estimate": "an estimate by formulas"}


def report(found: Weighed) -> str:
    """The whole report, ending with a line break."""
    fit = found.fit
    name = elided_name(found.title, NAME_WIDTH)
    title = name if found.quantization in found.title else f"{name} ({found.quantization})"
    parts = [f"{title} at {fit.context:,} tokens of context, KV cache {kv_words(fit.kv_types)}"]
    parts.append(verdict(fit))
    parts.append(_terms(fit))
    parameters, bits = human_parameters(found.size.parameters), human_bits(found.size.bits_per_weight)
    facts = [("Model", f"{parameters} parameters, {bits} bits per weight")] if found.size.parameters else []
    facts += [("Method", _METHODS[fit.method] + (f", within {fit.band:.0%}" if fit.band else ""))]
    if fit.fits:
        all_trained = fit.max_context == engine_context(found.shape.trained_context)
        everything = ", all the model was trained for" if all_trained else ""
        facts.append(("Longest context there", f"{fit.max_context:,} tokens{everything}"))
        if found.kind.writes_text:
            speed = " ".join(speed_lines(found.plan.speeds)) or "not known for this machine"
            facts.append(("Speed", speed))
            if reading := prompt_words(found.plan.speeds):
                facts.append(("Reads a prompt of", reading))
    width = max(len(label) for label, _ in facts)
    parts.append("\n".join(f"{label.ljust(width)}  {text}" for label, text in facts))
    parts += [kind_note(found.kind)] if kind_note(found.kind) else []
    parts += (*warnings(found.plan), *remarks(found.plan))
    if found.plan.note:
        parts.append(found.plan.note)
    return "\n\n".join(parts) + "\n"


def verdict(fit: Fit) -> str:
    """Where it goes, and what it needs of what is free there, in one sentence."""
    match fit.placement:
        case "gpu":
            where = f"Fits on {_gpus(fit)}"
        case "partial":
            where = f"{fit.gpu_layers} of {fit.layers} layers fit on {_gpus(fit)}; the rest goes to main memory"
        case "experts-in-ram":
            where = (
                f"Fits with the experts of {fit.cpu_expert_layers} layers in main memory and all else on {_gpus(fit)}"
            )
        case "cpu":
            where = "Fits in main memory, computed by the processor"
        case _:
            where = f"Too large by {human_bytes(fit.short_by_bytes)}"
    return f"{where}: {_needs(fit)}."


def _needs(fit: Fit) -> str:
    """``it needs 209.5 MB of the 23.1 GB free for models in main memory``; of several devices, each one's part."""
    pools = {pool.device: pool for pool in fit.pools}
    held = sorted((d for d in fit.memory.devices if d.total_bytes), key=lambda device: device.device == RAM)
    parts = [
        (human_bytes(device.total_bytes), human_bytes(pool.free_bytes), _place(pool))
        for device in held
        if (pool := pools.get(device.device)) is not None
    ]
    if len(parts) == 1:
        ((needed, free, place),) = parts
        if fit.fits:
            return f"it needs {needed} of the {free} free for models {place}"
        return f"it needs {needed}, and {free} are free for models {place}"
    *others, last = [f"{needed} of {free} {place}" for needed, free, place in parts] or [""]
    return f"it needs, of what is free for models, {' and '.join(filter(None, (', '.join(others), last)))}"


def _place(pool: Pool) -> str:
    return "in main memory" if pool.device == RAM else f"on {pool.name}"


def _gpus(fit: Fit) -> str:
    count = len(fit.pools) - 1
    return "the GPU" if count == 1 else f"{count} GPUs"


def _terms(fit: Fit) -> str:
    """Terms down, devices across."""
    memory = fit.memory
    columns = [memory_terms(device) for device in memory.devices]
    terms = [name for name, size in memory_terms(memory).items() if size]
    rows = [[name, *(human_bytes(column[name]) for column in columns)] for name in terms]
    rows.append(["Total", *(human_bytes(device.total_bytes) for device in memory.devices)])
    numbered = {pool.device: pool for pool in fit.pools}
    pools = [numbered.get(device.device) for device in memory.devices]
    rows.append(["Free for models", *(human_bytes(pool.free_bytes) if pool else "" for pool in pools)])
    rows.append(["Kept free besides", *(human_bytes(pool.reserve_bytes) if pool else "" for pool in pools)])
    header = ["", *("Main memory" if not pool or pool.device == RAM else pool.name for pool in pools)]
    return table(header, rows, right=range(1, len(header)))
