"""Two models compared, as the page shows it: texts of every row and the layer map of both. Made off the GUI thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.cancelled import Cancelled
from desktop.core.compare import Comparison, KeyDifference, Side, TensorDifference, compare
from desktop.core.gguf import Array, Tensor, Text, Value
from desktop.core.layers import expert_count, layer_grid, locate
from desktop.core.text import one_line
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.layer_map_layout import MapContent, MapTensor, Mark, content_of
from desktop.ui.inspect.tensor_rows import NAMELESS, Total, shape_text
from desktop.ui.shared.text_table_model import TextRow

_CELL_CHARACTERS = 120
_TIP_CHARACTERS = 1500
_BEFORE = 12  # characters shown before the place where two texts part
_MISSING = tr("– (missing)")
_CHANGES = {
    "type": tr("other type"),
    "shape": tr("other shape"),
    "only-first": tr("only in the first"),
    "only-second": tr("only in the second"),
}


@dataclass(frozen=True, eq=False)
class Compared:
    """``tensors`` are those of the first model and then those only the second has; positions index them."""

    first: str
    second: str
    comparison: Comparison
    tensors: tuple[Tensor, ...]
    others: dict[int, TensorDifference]
    content: MapContent
    types: tuple[Total, ...]
    key_rows: tuple[TextRow, ...]
    tensor_rows: tuple[TextRow, ...]
    role_rows: tuple[TextRow, ...]

    @classmethod
    def of(cls, first: Inspected, second: Inspected, cancelled: Cancelled) -> Compared:
        """Both have to be GGUF files and still open. Errors of their sources pass; raises CancelledError."""
        one = [placed.tensor for placed in first.tensors]
        found = compare(
            Side(first.header.metadata, one),
            Side(second.header.metadata, [placed.tensor for placed in second.tensors]),
            cancelled,
        )
        added = [change.second for change in found.tensors if change.first is None and change.second is not None]
        tensors = (*one, *added)
        position = {id(tensor): at for at, tensor in enumerate(tensors)}
        others = {position[id(change.first or change.second)]: change for change in found.tensors}
        marked = [_map_tensor(tensor, others.get(at)) for at, tensor in enumerate(tensors)]
        places = [locate(tensor.name) for tensor in tensors]
        return cls(
            first=first.title,
            second=second.title,
            comparison=found,
            tensors=tensors,
            others=others,
            content=content_of(layer_grid(places), marked, [place.role or NAMELESS for place in places]),
            types=_totals(tensors),
            key_rows=tuple(_key_row(change) for change in found.keys),
            tensor_rows=tuple(_tensor_row(at, change) for at, change in others.items()),
            role_rows=tuple(_role_rows(found)),
        )

    def describe(self, position: int) -> str:
        """A tensor of the map with what both files say of it."""
        tensor, change = self.tensors[position], self.others.get(position)
        if change is None:
            return tr("{name}\nthe same in both: {tensor}", name=tensor.name, tensor=_facts(tensor))
        sides = ((self.first, change.first), (self.second, change.second))
        lines = [f"{title}: {_facts(side) if side else _MISSING}" for title, side in sides]
        return "\n".join([tensor.name, *lines])


def _totals(tensors: Sequence[Tensor]) -> tuple[Total, ...]:
    """What has each type on the map, most bytes first: a tensor of both files counts once, as the first has it."""
    found: dict[str, Total] = {}
    for tensor in tensors:
        before = found.get(tensor.type, Total(tensor.type, 0, 0, 0))
        size = tensor.size_bytes or 0
        elements = tensor.elements if size else 0
        found[tensor.type] = Total(tensor.type, before.count + 1, before.bytes + size, before.elements + elements)
    return tuple(sorted(found.values(), key=lambda total: -total.bytes))


def _map_tensor(tensor: Tensor, change: TensorDifference | None) -> MapTensor:
    mark: Mark = ""
    if change is not None:
        mark = change.change if change.change in ("only-first", "only-second") else "changed"
    return MapTensor(tensor.type, tensor.size_bytes or 0, expert_count(tensor.name, tensor.shape), mark)


def _facts(tensor: Tensor) -> str:
    size = tensor.size_bytes
    return f"{tensor.type}, {shape_text(tensor)}" + (f", {human_bytes(size)}" if size is not None else "")


def _tensor_row(position: int, change: TensorDifference) -> TextRow:
    one, other = change.first, change.second
    sizes = [(side.size_bytes or 0) if side else 0 for side in (one, other)]
    texts = (
        change.name,
        _CHANGES[change.change],
        _facts(one) if one else _MISSING,
        _facts(other) if other else _MISSING,
        _signed(sizes[1] - sizes[0]),
    )
    return TextRow(texts, (position, texts[1], *sizes, sizes[1] - sizes[0]), tag=position)


def _role_rows(found: Comparison) -> Sequence[TextRow]:
    sums = [(role.role, role.first_bytes, role.second_bytes) for role in found.roles]
    rows = []
    for label, one, other in [*sums, (tr("all tensors"), found.first_bytes, found.second_bytes)]:
        change = f"{100 * (other - one) / one:+.1f} %" if one else "–"
        texts = (label, human_bytes(one), human_bytes(other), _signed(other - one), change)
        rows.append(TextRow(texts, (label, one, other, other - one, (other - one) / one if one else 0.0)))
    return rows


def _signed(size: int) -> str:
    return "0 B" if not size else f"{'+' if size > 0 else '−'}{human_bytes(abs(size))}"


def _key_row(change: KeyDifference) -> TextRow:
    texts = (change.key, *(_value_text(v, change.at, _CELL_CHARACTERS) for v in (change.first, change.second)))
    tips = (change.key, *(_value_text(v, change.at, _TIP_CHARACTERS) for v in (change.first, change.second)))
    return TextRow(texts, texts, tips)


def _value_text(value: Value | None, at: int | None, limit: int) -> str:
    """A value on one line; long ones from the place where the two part."""
    if value is None:
        return _MISSING
    data = value.data
    if isinstance(data, Array):
        return _array_text(data, at, limit)
    if isinstance(data, Text):
        return tr("{length:,} bytes: {limit}", length=data.length, limit=one_line(data.read(limit), limit))[:limit]
    if isinstance(data, str):
        begin = max(0, (at or 0) - _BEFORE) if len(data) > limit else 0
        shown = one_line(data[begin : begin + limit], limit)
        return (
            tr("…{shown} (from character {begin:,} of {data:,})", shown=shown, begin=begin, data=len(data))
            if begin
            else shown or "(empty)"
        )
    return f"{data:,}" if isinstance(data, int) and not isinstance(data, bool) else f"{data}"


def _array_text(data: Array, at: int | None, limit: int) -> str:
    head = f"{data.length:,} × {data.type.name.lower()}"
    if at is None or at >= data.length:
        return head
    items = [
        tr("array of {length:,}", length=item.length) if isinstance(item, Array) else str(item)
        for item in data[at : at + 4]
    ]
    return tr("{head}, from {at:,}: {items}", head=head, at=at, items=one_line(", ".join(items), limit))[:limit]
