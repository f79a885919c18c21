"""The parts graphs are made of, as llama.cpp builds them for one sequence and one row of logits.

Source: llama.cpp 0c1e57098, ``src/llama-graph.cpp`` (build_inp_embd, build_norm, build_qkv, build_attn,
build_attn_mha, build_ffn, build_moe_ffn). Activations are 4-byte floats; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from desktop.core.context_length import engine_context
from desktop.core.memory.cache import batch_of, cells
from desktop.core.memory.replay import Graph, Result
from desktop.core.memory.shape import Layer, ModelShape
from desktop.core.memory.split import RAM
from desktop.core.quants import TYPES_BY_NAME

_WITHOUT_FLASH = frozenset(("grok",))  # forced off (src/llama-context.cpp)
_QUANTIZED = frozenset(("q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"))


class Step(NamedTuple):
    """A layer to build, its device and that of its routed experts."""

    layer: Layer
    device: int
    experts: int


@dataclass(frozen=True)
class Cache:
    """The inputs one KV cache brings into a graph; rotations only for a quantized cache."""

    cells: int
    mask: Result
    key_positions: Result
    value_positions: Result
    key_rotation: Result | None
    value_rotation: Result | None


class Builder:
    """Builds one graph: a batch read at a context length."""

    def __init__(
        self,
        shape: ModelShape,
        context: int,
        kv_types: tuple[str, str] = ("f16", "f16"),
        flash_attention: bool = True,
        steps: tuple[Step, ...] = (),
        output: int = RAM,
        devices: int = 1,
    ) -> None:
        """``kv_types`` are those of the cache's keys and values, ``output`` is the device of the logits."""
        self.sizes: list[int] = []  # of the devices' buffers, once the graph is finished
        self.device = RAM  # of what is built now
        self._attended: list[tuple[Result, int]] = []
        self._experts_device = RAM
        self._steps, self._output, self._devices = steps, output, devices
        self.shape = shape
        self.graph = Graph()
        self.batch = batch_of(context)
        self.flash = flash_attention and shape.architecture not in _WITHOUT_FLASH
        self.windowed = any(layer.window for layer in shape.layers)
        self._context = context
        self._kv_types = kv_types
        self._caches: dict[bool, Cache] = {}
        self._batch_masks: dict[bool, Result] = {}
        self.positions = self.leaf(1)
        self.outputs = self.graph.leaf(4)
        self.state_ids = self.graph.leaf(4)
        self.held: list[Result] = []  # inputs of layers that are not built, there from the start

    def each_layer(self) -> Iterator[tuple[Layer, bool]]:
        """The layers to build, and whether one is the last; what is built meanwhile is on the layer's device."""
        for number, step in enumerate(self._steps):
            self.device, self._experts_device = step.device, step.experts
            yield step.layer, number == len(self._steps) - 1
        self.device = self._output

    @property
    def displaced(self) -> bool:
        """Whether attention is computed elsewhere than its layer; the engine then goes without flash attention.

        Source: llama.cpp 0c1e57098, ``src/llama-context.cpp`` (resolve_fused_ops).
        """
        return any((result.device or RAM) != device for result, device in self._attended)

    @property
    def first_device(self) -> int:
        """That of the first layer."""
        return self._steps[0].device if self._steps else RAM

    @property
    def used_devices(self) -> range:
        """Main memory and every device up to the last."""
        return range(self._devices)

    @property
    def last_device(self) -> int:
        """That of the last layer."""
        return self._steps[-1].device if self._steps else RAM

    @property
    def built(self) -> list[Layer]:
        """The layers that are built."""
        return [step.layer for step in self._steps]

    def finish(self) -> int:
        """Allocate the graph on its devices; bytes of main memory's part."""
        for leaf in self.held:
            self.graph.expand(Result(0, (leaf,), device=leaf.device))
        self.sizes = self.graph.sizes(self._devices)
        return self.sizes[RAM]

    # -- single results ------------------------------------------------------------------------------

    def leaf(self, width: int) -> Result:
        """An input of ``width`` 4-byte numbers per token."""
        return self.graph.leaf(4 * width * self.batch)

    def new(self, width: int, *sources: Result, rows: int = 0) -> Result:
        """A result of ``rows`` (the batch, when 0) times ``width`` numbers, in memory of its own."""
        return Result(4 * width * (rows or self.batch), sources, device=self.device)

    def over(self, *sources: Result) -> Result:
        """A result that may be written over one of its arguments: additions, products, norms, rotations."""
        return Result(sources[0].size, sources, inplace=True)

    def view(self, of: Result) -> Result:
        """All of a result in another shape."""
        return Result(of.size, (of,), viewed=of.viewed or of)

    def part(self, of: Result, width: int) -> Result:
        """``width`` numbers per token of a result."""
        return Result(4 * width * self.batch, (of,), viewed=of.viewed or of)

    def store(self, *sources: Result) -> Result:
        """A write into a cache, computed now: no memory of this buffer."""
        return self.graph.expand(Result(0, sources, device=self.device))

    def last_row(self, of: Result) -> Result:
        """The one row that logits are asked for."""
        return self.new(self.shape.embedding, of, self.outputs, rows=1)

    def norm(self, of: Result) -> Result:
        """A norm and its weight."""
        return self.over(self.over(of))

    # -- ends of the graph ---------------------------------------------------------------------------

    def embedding(self) -> Result:
        """Rows of the token embedding. The input for ready-made embeddings is there too, and never freed."""
        rows = self.graph.expand(self.new(self.shape.embedding, self.leaf(1)))
        self.graph.expand(self.leaf(self.shape.embedding))
        return rows

    def logits(self, stream: Result, *, whole_batch: bool = False, every_row: bool = False) -> int:
        """The final norm and the output matrix; bytes of the whole graph's buffer.

        ``whole_batch``: every row is normed and kept for a draft model, and the last one is taken then; ``every_row``:
        all of a batch's are computed.
        """
        normed = self.norm(stream)
        normed.is_output = True
        if whole_batch:
            normed = self.last_row(normed)
            normed.is_output = True
        logits = self.new(self.shape.vocabulary, normed, rows=0 if every_row else 1)
        logits.is_output = True
        self.graph.expand(logits)
        return self.finish()

    def vectors(self, stream: Result) -> int:
        """The end of a model that gives a vector per token instead of logits; bytes of the whole graph's buffer."""
        stream.is_output = True
        self.graph.expand(stream)
        return self.finish()

    # -- attention -----------------------------------------------------------------------------------

    def query_key_value(self, layer: Layer, of: Result, *, rotates: bool = True) -> tuple[Result, Result, Result]:
        """Queries and keys after their rotation, and values."""
        keys, values = layer.kv_heads * layer.key_length, layer.kv_heads * layer.value_length
        widths = (layer.heads * layer.key_length, keys, values)
        if self.shape.fused.query_key_value:
            whole = self.new(sum(widths), of)
            query, key, value = (self.part(whole, width) for width in widths)
        else:
            query, key, value = (self.view(self.new(width, of)) for width in widths)
        if not rotates:
            return query, key, value
        return self.over(query, self.positions), self.over(key, self.positions), value

    @property
    def longest(self) -> int:
        """Cells of the whole context."""
        return engine_context(self._context)

    def cells(self, layer: int) -> int:
        """Cells of a layer's cache."""
        return cells(self.shape, layer, self._context)

    def attend(
        self,
        layer: Layer,
        query: Result,
        key: Result | None,
        value: Result | None,
        masked: Callable[[Result], Result] | None = None,
    ) -> Result:
        """Attention without the output matrix. Without ``key`` another layer's cache is read.

        ``masked`` makes of the cache's mask that of this layer.
        """
        if not self.shape.reads_cache:
            assert key is not None and value is not None
            return self._attend_without_cache(layer, query, key, value)
        cache = self.cache_of(layer)
        if cache.key_rotation is not None:
            query = self._rotated(query, cache.key_rotation)
            key = self._rotated(key, cache.key_rotation) if key is not None else None
        if cache.value_rotation is not None and value is not None:
            value = self._rotated(value, cache.value_rotation)
        self.graph.expand(query)
        for part in (key, value) if self.windowed else (value, key):
            if part is not None:
                self.graph.expand(part)
        if key is not None:
            self.store(self.view(key), cache.key_positions)
        if value is not None and self.shape.latent is None:
            self.store(self.view(value), cache.value_positions)
        mixed = self._mixed(layer, query, cache, masked)
        return self._rotated(mixed, cache.value_rotation) if cache.value_rotation is not None else mixed

    def attention(self, layer: Layer, of: Result, *, rotates: bool = True) -> Result:
        """Attention as most architectures have it, with its output matrix."""
        query, key, value = self.query_key_value(layer, of, rotates=rotates)
        return self.new(self.shape.embedding, self.attend(layer, query, key, value))

    def _mixed(
        self, layer: Layer, query: Result, cache: Cache, masked: Callable[[Result], Result] | None = None
    ) -> Result:
        rows = self.part(self.view(query), layer.heads * layer.key_length)
        latent = self.shape.latent
        width = layer.heads * (latent.rank if latent else layer.value_length)
        mask = masked(cache.mask) if masked is not None else cache.mask
        keys, values = self._kept(layer, cache)
        if self.flash:
            mixed = Result(4 * width * self.batch, (rows, *keys, *values, mask))
            self._attended.append((mixed, self.device))
        else:
            scores = Result(4 * layer.heads * cache.cells * self.batch, (*keys, rows))
            scores = self.over(scores, mask)
            turned = (Result(2 * latent.rank * cache.cells, (self.positions,)),) if latent else ()  # the values
            mixed = Result(4 * width * self.batch, (*turned, *values, scores))
        if latent:
            unpacked = layer.heads * latent.value_length
            mixed = self.part(self.new(unpacked, self.part(mixed, width)), unpacked)
            mixed = self.new(unpacked, mixed)
        elif not self.flash:
            mixed = Result(4 * width * self.batch, (self.part(mixed, width),))
        return self.graph.expand(self.view(mixed))

    def _kept(self, layer: Layer, cache: Cache) -> tuple[list[Result], list[Result]]:
        """A layer's keys and values in its cache: outside this buffer, copied into it where another device reads."""
        if self._devices == 1:
            return [], []
        kept = []
        for kind, width in zip(self._kv_types, (layer.key_length, layer.value_length), strict=True):
            size = TYPES_BY_NAME[kind.upper()].size(layer.kv_heads * width) * cache.cells
            kept.append([Result(size, (self.positions,), viewed=Result(size, device=self.device))])
        return kept[0], kept[1] if self.shape.latent is None else []

    def _attend_without_cache(self, layer: Layer, query: Result, key: Result, value: Result) -> Result:
        """Every token of a batch sees the batch, and nothing is kept (build_attn_inp_no_cache)."""
        for part in (query, key, value):
            self.graph.expand(part)
        width, rows = layer.heads * layer.value_length, self.part(self.view(query), layer.heads * layer.key_length)
        mask = self._batch_mask(windowed=layer.window > 0)
        if self.flash:
            halved = (Result(part.size // 2, (self.view(part),)) for part in (key, value))  # cast to f16
            return self.graph.expand(self.view(self.new(width, rows, *halved, mask)))
        scores = self.over(self.new(layer.heads * self.batch, self.view(key), rows), mask)
        turned = Result(value.size, (self.view(value),))
        mixed = self.new(width, turned, scores)
        return self.graph.expand(self.new(width, self.part(mixed, width)))

    def _batch_mask(self, *, windowed: bool) -> Result:
        if windowed not in self._batch_masks:
            self._batch_masks[windowed] = self.graph.leaf((2 if self.flash else 4) * self.batch * self.batch)
        return self._batch_masks[windowed]

    def _rotated(self, of: Result, rotation: Result) -> Result:
        return self.view(Result(of.size, (rotation, self.view(of))))

    def cache_of(self, layer: Layer) -> Cache:
        """The inputs of a layer's cache; layers of one window share them."""
        windowed = layer.window > 0
        if windowed not in self._caches:
            owners = (i for i, a in enumerate(self.shape.layers) if a.owns_kv and (a.window > 0) == windowed)
            index = next(owners, self.shape.layers.index(layer))  # a header may say that nobody owns what is read
            count = self.cells(index)
            owner = self.shape.layers[index]
            plain = self.shape.latent is None
            turns_keys, turns_values = (kind in _QUANTIZED and plain for kind in self._kv_types)
            value_rows = 1 if self.flash else owner.kv_heads * owner.value_length
            self._caches[windowed] = Cache(
                cells=count,
                mask=self.graph.leaf((2 if self.flash else 4) * count * self.batch),
                key_positions=self.leaf(2),
                value_positions=self.leaf(2 * value_rows),
                key_rotation=self.graph.leaf(4 * _rotation(owner.key_length) ** 2)
                if turns_keys and owner.key_length % 64 == 0
                else None,
                value_rotation=self.graph.leaf(4 * 64 * 64) if turns_values and owner.value_length % 64 == 0 else None,
            )
        return self._caches[windowed]

    # -- feed-forward --------------------------------------------------------------------------------

    def feed_forward(self, of: Result, width: int, rows: int = 0) -> Result:
        """Up, gate, activation, down; ``rows`` is 1 behind the selection of the last row."""
        if self.shape.fused.gate_up:
            active = self.new(width, self.new(2 * width, of, rows=rows), rows=rows)
        elif self.shape.fused.gated:
            up, gate = self.new(width, of, rows=rows), self.new(width, of, rows=rows)
            active = self.new(width, gate, up, rows=rows)
        else:
            active = self.over(self.new(width, of, rows=rows))
        return self.new(self.shape.embedding, active, rows=rows)

    def experts(
        self,
        layer: Layer,
        of: Result,
        rows: int = 0,
        *,
        normed: bool = True,
        biased: bool = False,
        weighted_first: bool = False,
        scores: Result | None = None,
        gated: bool = True,
    ) -> Result:
        """Routed experts. ``normed``: their weights sum to one; ``biased``: a bias for choosing them.

        ``weighted_first``: the weights are applied before the experts (llama4). ``scores`` of another router.
        """
        width, used = self.shape.embedding, layer.experts_used
        scores = scores or self.new(layer.experts, of, rows=rows)
        shares = Result(scores.size, (scores,)) if weighted_first else self.over(scores)
        chosen_by = scores if weighted_first else Result(shares.size, (shares,)) if biased else shares
        chosen = self.part(self.new(layer.experts, chosen_by, rows=rows), used)
        weights = self.new(used, self.view(shares), chosen, rows=rows)
        if normed:
            flat = self.view(weights)
            weights = self.view(self.over(flat, self.over(self.new(1, flat, rows=rows))))
        self.graph.expand(weights)
        of = self.view(of)
        if weighted_first:
            of = self.over(self.new(width * used, of, rows=rows), weights)
        hidden, own = layer.expert_feed_forward * used, self.device
        self.device = self._experts_device
        up = self.new(hidden, of, chosen, rows=rows)
        active = self.new(hidden, self.new(hidden, of, chosen, rows=rows), up, rows=rows) if gated else self.over(up)
        mixed = self.new(width * used, active, chosen, rows=rows)
        self.device = own
        if not weighted_first:
            mixed = self.over(mixed, weights)
        self.graph.expand(mixed)
        parts = [self.graph.expand(self._row_part(mixed, rows)) for _ in range(used)]
        if used == 1:
            return self.new(width, parts[0], rows=rows)
        total = self.graph.expand(Result(parts[0].size, (parts[0], parts[1])))
        for part in parts[2:]:
            total = self.graph.expand(self.over(total, part))
        return total

    def _row_part(self, of: Result, rows: int) -> Result:
        return Result(4 * self.shape.embedding * (rows or self.batch), (of,), viewed=of)


def _rotation(length: int) -> int:
    """The largest power of two, from 64, that divides a key's length."""
    size = 64
    while length % (size * 2) == 0:
        size *= 2
    return size
