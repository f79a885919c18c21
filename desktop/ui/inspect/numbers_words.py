"""What the panel of a tensor's numbers says in words."""

from __future__ import annotations

from desktop.core.gguf import Tensor
from desktop.core.quants import TENSOR_TYPES
from desktop.core.sampling_rows import Runs
from desktop.core.units import human_bytes
from desktop.services.inspect.tensor_numbers import OUTLIER_DEVIATIONS, Summary
from desktop.ui.inspect.histogram import figure


def facts(tensor: Tensor) -> str:
    """``110,592 weights in 3,456 blocks of 32``; without blocks, the type."""
    kind = TENSOR_TYPES.get(tensor.type_id)
    if kind is None:
        return f"{tensor.elements:,} weights of {tensor.type}"
    if kind.block == 1:
        return f"{tensor.elements:,} weights, {kind.name}"
    return f"{tensor.elements:,} weights in {tensor.elements // kind.block:,} blocks of {kind.block}, {kind.name}"


def sampled(values: int, total: int) -> str:
    """Whether all values were looked at, in words."""
    if values == total:
        return f"all {total:,} of them"
    return f"sampled {_short(values)} of {_short(total)}, whole rows spread evenly"


def offer(cost: Runs) -> tuple[str, str]:
    """What stands in place of a remote tensor's numbers, and the button that fetches them."""
    size = human_bytes(cost.bytes)
    text = "The weights are still on the Hub."
    if not cost.whole:
        whole = human_bytes(cost.parts * cost.part_bytes)
        text += f" Of the tensor's {whole}, {size} in {len(cost.runs)} stretches of rows, spread evenly, are enough."
    return text, f"Fetch {size} from the Hub and show"


def figures(summary: Summary) -> list[str]:
    """The figures of a tensor, line by line."""
    rows = []
    if summary.values > summary.nans + summary.infinities:
        rows += [
            f"min {figure(summary.minimum)} · max {figure(summary.maximum)}",
            f"mean {figure(summary.mean)} · σ {figure(summary.deviation)}",
            f"{_counted(summary.outliers, 'outlier', summary.values)} beyond {OUTLIER_DEVIATIONS:.0f}σ"
            + (", not drawn" if summary.outliers else ""),
            _counted(summary.zeros, "zero", summary.values),
        ]
    if summary.nans or summary.infinities:
        rows.append(f"⚠ {summary.nans:,} NaN · {summary.infinities:,} infinite: this tensor is damaged.")
    else:
        rows.append("no NaN, no infinities")
    if summary.values != summary.total:
        rows.append(sampled(summary.values, summary.total))
    return rows


def _counted(count: int, what: str, total: int) -> str:
    if not count:
        return f"no {what}s"
    share = count / total * 100
    return (
        f"{count:,} {what}{'s' * (count != 1)} ({share:.2g} %)" if share < 10 else f"{count:,} {what}s ({share:.0f} %)"
    )


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 950_000 else f"{count:,}"
