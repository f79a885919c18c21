"""The Lab's figures in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.core.quality import MeasuredHere, Quality
from desktop.core.speed import Speeds
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.discover.picker_words import QUALITY_WORDS
from desktop.services.lab.measured import is_unlike

if TYPE_CHECKING:
    from desktop.services.lab.prospect import Prospect
    from desktop.store.measurements import Measurement

UNLIKE_WORDS = tr("this text is unlike anything the model knows; figures on it say little")


def speed_words(speeds: Speeds | None) -> str:
    """Tokens per second with an empty and with a full context."""
    if speeds is None:
        return tr("not known")
    return tr(
        "{expected:.3g} tokens per second, {expected2:.3g} with a full context (predicted)",
        expected=speeds.empty.expected,
        expected2=speeds.full.expected,
    )


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
    return tr(
        "Most of it will be {mainly}, not {type}, as the rows of its tensors require.",
        mainly=prospect.mainly,
        type=prospect.recipe.type,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _here_words(one: Measurement) -> str:
    assert one.distance is not None
    far = one.distance.kld
    unlike = f"; {UNLIKE_WORDS}" if is_unlike(one) else ""
    return tr(
        "measured here on {text_name}: mean KL divergence {value:.3g} ± {error:.1g} ({name} "
        "against {reference_name}){unlike}",
        text_name=one.text_name,
        value=far.value,
        error=far.error,
        name=one.name,
        reference_name=one.reference_name,
        unlike=unlike,
    )


def _expected_words(prospect: Prospect) -> str:
    if prospect.recipe.tensor_types:
        return tr("What was published of a type does not hold for a mix.")
    if prospect.mainly:
        return tr("What was published of {type} does not hold for it.", type=prospect.recipe.type)
    if prospect.keeps_loss:
        own = _published_words(prospect.quality)
        return tr(
            "none against {title}; that file's own loss stays ({source_label}: {own})",
            title=prospect.source.title,
            source_label=prospect.source_label,
            own=own,
        )
    return _published_words(prospect.quality)


def _published_words(quality: Quality) -> str:
    if quality.kld_low is None or quality.kld_high is None:
        return QUALITY_WORDS[quality.label]
    low, high = f"{quality.kld_low:.4g}", f"{quality.kld_high:.4g}"
    band = low if low == high else tr("{low} to {high}", low=low, high=high)
    return tr(
        "{label}: mean KL divergence {band} in published measurements of other models",
        label=QUALITY_WORDS[quality.label],
        band=band,
    )


def measured_words(here: MeasuredHere) -> str:
    """What was measured of a file on this computer, as a sentence."""
    return tr(
        "Measured here on {text}: KLD {kld:.3g} ± {error:.1g} from {reference}.",
        text=here.text,
        kld=here.kld,
        error=here.error,
        reference=here.reference,
    )
