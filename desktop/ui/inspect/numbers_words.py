"""What the panel of a tensor's numbers says in words."""

from __future__ import annotations

from desktop.core.gguf import Tensor
from desktop.core.quants import TENSOR_TYPES
from desktop.core.sampling_rows import Runs
from desktop.core.units import human_bytes
from desktop.core.words import counted, tr
from desktop.services.inspect.tensor_numbers import OUTLIER_DEVIATIONS, Summary
from desktop.ui.inspect.histogram import figure


def facts(tensor: Tensor) -> str:
    """``110,592 weights in 3,456 blocks of 32``; without blocks, the type."""
    kind = TENSOR_TYPES.get(tensor.type_id)
    if kind is None:
        return tr("{elements:,} weights of {type}", elements=tensor.elements, type=tensor.type)
    if kind.block == 1:
        return tr("{elements:,} weights, {name}", elements=tensor.elements, name=kind.name)
    return tr(
        "{elements:,} weights in {elements2:,} blocks of {block}, {name}",
        elements=tensor.elements,
        elements2=tensor.elements // kind.block,
        block=kind.block,
        name=kind.name,
    )


def sampled(values: int, total: int) -> str:
    """Whether all values were looked at, in words."""
    if values == total:
        return tr("all {total:,} of them", total=total)
    return tr("sampled {values} of {total}, whole rows spread evenly", values=_short(values), total=_short(total))


def offer(cost: Runs) -> tuple[str, str]:
    """What stands in place of a remote tensor's numbers, and the button that fetches them."""
    size = human_bytes(cost.bytes)
    text = tr("The weights are still on the Hub.")
    if not cost.whole:
        whole = human_bytes(cost.parts * cost.part_bytes)
        text += tr(
            " Of the tensor's {whole}, {size} in {runs} stretches of rows, spread evenly, are enough.",
            whole=whole,
            size=size,
            runs=len(cost.runs),
        )
    return text, tr("Fetch {size} from the Hub and show", size=size)


def figures(summary: Summary) -> list[str]:
    """The figures of a tensor, line by line."""
    rows = []
    if summary.values > summary.nans + summary.infinities:
        rows += [
            tr("min {minimum} · max {maximum}", minimum=figure(summary.minimum), maximum=figure(summary.maximum)),
            tr("mean {mean} · σ {deviation}", mean=figure(summary.mean), deviation=figure(summary.deviation)),
            tr(
                "{outliers} beyond {outlier_deviations:.0f}σ",
                outliers=_counted(summary.outliers, "outlier", summary.values),
                outlier_deviations=OUTLIER_DEVIATIONS,
            )
            + (tr(", not drawn") if summary.outliers else ""),
            _counted(summary.zeros, "zero", summary.values),
        ]
    if summary.nans or summary.infinities:
        rows.append(
            tr(
                "⚠ {nans:,} NaN · {infinities:,} infinite: this tensor is damaged.",
                nans=summary.nans,
                infinities=summary.infinities,
            )
        )
    else:
        rows.append(tr("no NaN, no infinities"))
    if summary.values != summary.total:
        rows.append(sampled(summary.values, summary.total))
    return rows


def _counted(count: int, what: str, total: int) -> str:
    if not count:
        return tr("no zeros") if what == "zero" else tr("no outliers")
    share = count / total * 100
    return f"{counted(count, what)} ({share:.2g} %)" if share < 10 else f"{counted(count, what)} ({share:.0f} %)"


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 950_000 else f"{count:,}"
