"""What to say where a load put less on the GPUs than was planned: a sentence with its cause, and one thing to do."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core.units import human_bytes
from desktop.services.planning.offload import Shortfall


def shortfall_words(found: Shortfall) -> tuple[str, str]:
    """What is the case and why, and what to do about it."""
    return f"{_where(found)}{_why(found)}", _way(found)


def gone_words(devices: Sequence[str]) -> str:
    """``RTX 4070, where it ran last, is not found by the engine now.``"""
    verb = "is" if len(devices) == 1 else "are"
    return f"{' and '.join(devices)}, where it ran last, {verb} not found by the engine now."


def _where(found: Shortfall) -> str:
    device = " and ".join(found.devices) or "a graphics card"
    wanted = f"all {found.layers}" if found.wanted == found.layers else f"{found.wanted} of {found.layers}"
    if found.cause == "vanished":
        return f"The model runs on {' and '.join(found.instead) or 'the processor'}: {gone_words(found.devices)}"
    if found.cause == "other-device":
        return f"The model runs on {' and '.join(found.instead)} instead of {device}"
    if found.cause == "not-computed":
        return f"Not all of {wanted} layers could go to {device}"
    if not found.got:
        return f"The model runs on the processor, though {wanted} layers were to be on {device}"
    return f"{found.got} layers are on {device} instead of {wanted}"


def _why(found: Shortfall) -> str:
    match found.cause:
        case "full":
            if not found.wanted_bytes:
                return ": there was not enough free memory on it."
            return f": it had no room for the {human_bytes(found.wanted_bytes)} that were asked for at once."
        case "no-device":
            return ": the engine found no such device." if found.devices else ": the engine finds no graphics card."
        case "other-device":
            return ": the engine chose so."
        case "vanished":
            return ""
        case "not-computed":
            return ": its backend does not compute tensors of all this model's types."
    return ": the engine does not say why."


def _way(found: Shortfall) -> str:
    match found.cause:
        case "full":
            return "Close other programs that use its memory, then load the model again."
        case "no-device" if found.asked:
            return "The page Machine says what became of it; leave the layers to Heft to run on what is there."
        case "no-device" | "vanished":
            return "The page Machine says what became of it."
        case "not-computed":
            return "Take another quantization of this model, such as Q4_K_M."
    return "Load the model again."
