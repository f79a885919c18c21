"""What to say where a load put less on the GPUs than was planned: a sentence with its cause, and one thing to do."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.planning.offload import Shortfall


def shortfall_words(found: Shortfall) -> tuple[str, str]:
    """What is the case and why, and what to do about it."""
    return f"{_where(found)}{_why(found)}", _way(found)


def gone_words(devices: Sequence[str]) -> str:
    """``RTX 4070, where it ran last, is not found by the engine now.``"""
    return tr(
        "{devices}, where it ran last, is not found by the engine now."
        if len(devices) == 1
        else "{devices}, where it ran last, are not found by the engine now.",
        devices=tr(" and ").join(devices),
    )


def _where(found: Shortfall) -> str:
    device = tr(" and ").join(found.devices) or tr("a graphics card")
    wanted = f"all {found.layers}" if found.wanted == found.layers else f"{found.wanted} of {found.layers}"
    if found.cause == "vanished":
        return tr(
            "The model runs on {instead}: {devices}",
            instead=" and ".join(found.instead) or tr("the processor"),
            devices=gone_words(found.devices),
        )
    if found.cause == "other-device":
        return tr("The model runs on {instead} instead of {device}", instead=" and ".join(found.instead), device=device)
    if found.cause == "not-computed":
        return tr("Not all of {wanted} layers could go to {device}", wanted=wanted, device=device)
    if not found.got:
        return tr(
            "The model runs on the processor, though {wanted} layers were to be on {device}",
            wanted=wanted,
            device=device,
        )
    return tr("{got} layers are on {device} instead of {wanted}", got=found.got, device=device, wanted=wanted)


def _why(found: Shortfall) -> str:
    match found.cause:
        case "full":
            if not found.wanted_bytes:
                return tr(": there was not enough free memory on it.")
            return tr(
                ": it had no room for the {wanted_bytes} that were asked for at once.",
                wanted_bytes=human_bytes(found.wanted_bytes),
            )
        case "no-device":
            return (
                tr(": the engine found no such device.")
                if found.devices
                else tr(": the engine finds no graphics card.")
            )
        case "other-device":
            return tr(": the engine chose so.")
        case "vanished":
            return ""
        case "not-computed":
            return tr(": its backend does not compute tensors of all this model's types.")
    return tr(": the engine does not say why.")


def _way(found: Shortfall) -> str:
    match found.cause:
        case "full":
            return tr("Close other programs that use its memory, then load the model again.")
        case "no-device" if found.asked:
            return tr("The page Machine says what became of it; leave the layers to Heft to run on what is there.")
        case "no-device" | "vanished":
            return tr("The page Machine says what became of it.")
        case "not-computed":
            return tr("Take another quantization of this model, such as Q4_K_M.")
    return tr("Load the model again.")
