"""A mix of types for a size, as ``heft quantize --target-size`` tells it: before, and how it was chosen."""

from __future__ import annotations

from typing import Any

from desktop.cli.output import human_bytes, table
from desktop.core.units import human_time
from desktop.services.lab.mixing import Mix, MixProspect


def mix_plan(found: MixProspect) -> str:
    """What choosing takes."""
    time = f"about {human_time(found.seconds)}" if found.seconds else "its time is not known here"
    matrix = f"with {found.order.imatrix}" if found.order.imatrix else "without an importance matrix"
    what = f"{found.groups} parts of {found.source.title} on {found.order.text_name}, {matrix}"
    sizes = f"from {human_bytes(found.least_bytes)} to {human_bytes(found.most_bytes)}"
    return f"Measuring {what}: {time}; kept for other sizes, {sizes}."


def mix_prospect_document(found: MixProspect) -> dict[str, Any]:
    """Said before anything is measured."""
    return {
        "made": False,
        "source": str(found.source.path),
        "target_bytes": found.order.target_bytes,
        "least_bytes": found.least_bytes,
        "most_bytes": found.most_bytes,
        "parts": found.groups,
        "expected_seconds": found.seconds,
        "imatrix": found.order.imatrix or None,
        "text": found.order.text_name,
    }


def mix_document(mix: Mix) -> dict[str, Any]:
    """How it was chosen."""
    return {
        "target_bytes": mix.target_bytes,
        "expected_kld": mix.expected_kld,
        "tokens": mix.tokens,
        "groups": [
            {
                "group": one.group,
                "tensors": one.tensors,
                "weights": one.weights,
                "probe": one.probe,
                "kld": one.kld,
                "error": one.error,
                "types": {kind: {"bytes": size} for kind, size in one.types.items()},
            }
            for one in mix.groups
        ],
    }


def mix_report(mix: Mix) -> str:
    """Each part's loss and what it got, those that lose most per byte first."""
    rows = []
    for one in sorted(mix.groups, key=lambda part: -part.kld / max(1, part.weights)):
        kinds = ", ".join(f"{kind} {human_bytes(size)}" for kind, size in sorted(one.types.items()))
        rows.append([one.group, f"{one.weights / 1e6:.1f} M", one.probe, f"{one.kld:.4g}", f"± {one.error:.1g}", kinds])
    head = ["part", "weights", "alone in", "KLD", "", "gets"]
    note = f"expected of all together: KLD {mix.expected_kld:.4g}, by {mix.tokens:,} tokens\n"
    return table(head, rows, right=(1, 3)) + f"\n{note}"
