"""What the engine will say of a model file that it refuses, known from its header before anything is loaded."""

from __future__ import annotations

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.inspect.inspected import Inspected

ENGINE_REFUSES = frozenset((FailureKind.BAD_FILE, FailureKind.OTHER_PROGRAM, FailureKind.UNKNOWN_ARCHITECTURE))


def refusal(inspected: Inspected) -> HeftError | None:
    """Why the engine will not load it, by the first of its findings that says so; None where none does."""
    finding = next((one for one in inspected.findings if one.refused), None)
    if finding is None:
        return None
    return HeftError(
        tr("The engine refuses {title}: {message}", title=inspected.title, message=finding.message),
        finding.action,
        kind=finding.kind,
    )


def cannot_plan(title: str) -> HeftError:
    """What is said of a model whose header makes the formulas fail."""
    return HeftError(
        tr("Heft cannot work out how {title} is loaded.", title=title),
        tr("Load it to see, or look for another file of this model."),
        kind=FailureKind.NOT_PLANNED,
    )
