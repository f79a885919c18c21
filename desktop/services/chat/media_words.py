"""What is said where a model takes no pictures or no sound."""

from __future__ import annotations

from typing import Literal

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.words import tr

_CANNOT = {"image": tr("cannot see pictures"), "sound": tr("cannot hear")}
_WHAT = {"image": tr("the picture"), "sound": tr("the sound")}


def takes_no_media(model: str, kind: Literal["image", "sound"]) -> EngineError:
    """The refusal, with what to do."""
    return EngineError(
        f"{model} {_CANNOT[kind]}.",
        tr("Choose a model that can, fetch its projector on the page Discover, or remove {what}.", what=_WHAT[kind]),
        kind=FailureKind.TAKES_NO_MEDIA,
    )
