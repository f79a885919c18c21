"""What there is to say of a calibration beside its figures, the same for the window and the commands."""

from __future__ import annotations

from desktop.core.speed import Calibration
from desktop.core.words import tr


def doubts(found: Calibration) -> tuple[str, ...]:
    """Why its figures may be off, a sentence each; none for one that nothing disturbed."""
    said = []
    if found.busy:
        said.append(tr("Other programs were busy meanwhile; calibrate again when the computer is idle."))
    if found.drifted:
        change = f"{abs(found.drift):.0%} {'slower' if found.drift > 0 else 'quicker'}"
        said.append(
            tr(
                "The computer's speed changed meanwhile: what was measured first was {change} when "
                "it was measured again at the end. The figures are that uncertain; calibrate again "
                "when the computer is idle.",
                change=change,
            )
        )
    return tuple(said)
