"""The Lab's figures in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.core.quality import MeasuredHere, Quality
from desktop.core.speed import Speeds
from desktop.core.units import human_bytes
from desktop.services.lab.measured import is_unlike

if TYPE_CHECKING:
    from desktop.services.lab.prospect import Prospect
    from desktop.store.measurements import Measurement

UNLIKE_WORDS = "this text is unlike anything the model knows; figures on it say little"


def speed_words(speeds: Speeds | None) -> str:
    """Tokens per second with an empty and with a full context."""
    if speeds is None:
        return "not known"
    return f"{speeds.empty.expected:.3g} tokens per second, {speeds.full.expected:.3g} with a full context (predicted)"


def loss_lines(prospect: Prospect) -> list[str]:
    """What was measured here of this type of the model, text by text; then what was published of the type."""
    expected = _expected_words(prospect)
    here = [f"{_capital(_here_words(one))}." for one in prospect.measured]
    return [*here, _capital(expected)] if here else [expected]


def loss_words(prospect: Prospect) -> str:
    """The same in one line."""
    return " ".join(loss_lines(prospect))


def made_of_words(prospect: Prospect) -> str:
    """The tensor types of what is made, the largest part first."""
    sizes = sorted(prospect.types.items(), key=lambda one: -one[1])
    return ", ".join(f"{kind} {human_bytes(size)}" for kind, size in sizes)


def mainly_words(prospect: Prospect) -> str:
    """That most of it will be of another type than the named one; "" as a rule."""
    if not prospect.mainly:
        return ""
    return f"Most of it will be {prospect.mainly}, not {prospect.recipe.type}, as the rows of its tensors require."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _here_words(one: Measurement) -> str:
    assert one.distance is not None
    far = one.distance.kld
    unlike = f"; {UNLIKE_WORDS}" if is_unlike(one) else ""
    return (
        f"measured here on {one.text_name}: mean KL divergence {far.value:.3g} ± {far.error:.1g} "
        f"({one.name} against {one.reference_name}){unlike}"
    )


def _expected_words(prospect: Prospect) -> str:
    if prospect.recipe.tensor_types:
        return "What was published of a type does not hold for a mix."
    if prospect.mainly:
        return f"What was published of {prospect.recipe.type} does not hold for it."
    if prospect.keeps_loss:
        own = _published_words(prospect.quality)
        return f"none against {prospect.source.title}; that file's own loss stays ({prospect.source_label}: {own})"
    return _published_words(prospect.quality)


def _published_words(quality: Quality) -> str:
    if quality.kld_low is None or quality.kld_high is None:
        return quality.label
    low, high = f"{quality.kld_low:.4g}", f"{quality.kld_high:.4g}"
    band = low if low == high else f"{low} to {high}"
    return f"{quality.label}: mean KL divergence {band} in published measurements of other models"


def measured_words(here: MeasuredHere) -> str:
    """What was measured of a file on this computer, as a sentence."""
    return f"Measured here on {here.text}: KLD {here.kld:.3g} ± {here.error:.1g} from {here.reference}."
