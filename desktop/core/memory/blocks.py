"""The parts graphs are made of, as llama.cpp builds them, with a row of logits for each sequence.

Source: llama.cpp 0c1e57098, ``src/llama-graph.cpp`` (build_inp_embd, build_norm, build_qkv, build_attn,
build_attn_mha). Activations are 4-byte floats; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from desktop.core.context_length import engine_context
from desktop.core.hardware import RAM
from desktop.core.memory.architectures import NEVER_COPIED
from desktop.core.memory.cache import BATCH, batch_of, cells
from desktop.core.memory.replay import Graph, Result
from desktop.core.memory.shape import Layer, ModelShape
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
        *,
        transposed: bool = False,
        rows: int = 1,
        batch: int = BATCH,
    ) -> None:
        """``kv_types`` are those of the cache's keys and values, ``output`` is the device of the logits.

        ``transposed``: values are stored so, as they are where flash attention was switched off from the start.
        ``rows`` of logits are asked for: one for each conversation. ``batch`` tokens are read, or what the context has.
        """
        self.sizes: list[int] = []  # of the devices' buffers, once the graph is finished
        self.device = RAM  # of what is built now
        self._attended: list[tuple[Result, int]] = []
        self.experts_device = RAM
        self._steps, self._output, self._devices = steps, output, devices
        self.shape = shape
        self.graph = Graph()
        self.batch = batch_of(context, batch)
        self.flash = flash_attention and shape.architecture not in _WITHOUT_FLASH
        self._transposed = transposed or shape.architecture in _WITHOUT_FLASH
        self.windowed = any(layer.window for layer in shape.layers)
        self._context = context
        self._kv_types = kv_types
        self._caches: dict[bool, Cache] = {}
        self._batch_masks: dict[bool, Result] = {}
        self.positions = self.leaf(1)
        self.rows = rows
        self.outputs = self.graph.leaf(4 * rows)
        self.state_ids = self.graph.leaf(4)
        self.held: list[Result] = []  # inputs of layers that are not built, there from the start

    def each_layer(self, *, behind: int = 0) -> Iterator[tuple[Layer, bool]]:
        """The layers to build, and whether one is the last; what is built meanwhile is on the layer's device.

        ``behind``: so many at the end are built otherwise.
        """
        steps = self._steps[: len(self._steps) - behind]
        for number, step in enumerate(steps):
            self.device, self.experts_device = step.device, step.experts
            yield step.layer, number == len(steps) - 1
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

    def devices_of(self, wanted: Callable[[Layer], bool]) -> list[int]:
        """Those that hold such layers."""
        return sorted({step.device for step in self._steps if wanted(step.layer)})

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

    def loose(self, width: int, *sources: Result, rows: int = 0) -> Result:
        """As ``new``, of no weight: computed where its neighbours are."""
        return Result(4 * width * (rows or self.batch), sources)

    def over(self, *sources: Result) -> Result:
        """A result that may be written over one of its arguments: additions, products, norms, rotations."""
        return Result(sources[0].size, sources, inplace=True)

    def weighed(self, of: Result) -> Result:
        """Times a weight, or with one added: where the weight is."""
        return Result(of.size, (of,), inplace=True, device=self.device)

    def view(self, of: Result) -> Result:
        """All of a result in another shape."""
        return Result(of.size, (of,), viewed=of.viewed or of)

    def part(self, of: Result, width: int, *, apart: bool = False) -> Result:
        """``width`` numbers per token of a result; ``apart``: those of a token do not follow those of the last."""
        span = of.size - of.size // self.batch + 4 * width if apart else 0
        return Result(4 * width * self.batch, (of,), viewed=of.viewed or of, span=span)

    def store(self, *sources: Result) -> Result:
        """A write into a cache, computed now: no memory of this buffer."""
        return self.graph.expand(Result(0, sources, device=self.device))

    def last_row(self, of: Result) -> Result:
        """The rows that logits are asked for: the last of each conversation."""
        return self.new(self.shape.embedding, of, self.outputs, rows=self.rows)

    def norm(self, of: Result) -> Result:
        """A norm and its weight."""
        return self.over(Result(of.size, (of,), inplace=not self.shape.norms.centred))

    # -- ends of the graph ---------------------------------------------------------------------------

    def embedding(self, *, tokens_only: bool = False) -> Result:
        """Rows of the token embedding. The input for ready-made embeddings is there too, and never freed, unless a
        graph takes ``tokens_only``.
        """
        rows = self.new(self.shape.embedding, self.leaf(1))
        if not tokens_only:
            self.graph.expand(rows)
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
        if self.shape.architecture in NEVER_COPIED:
            self.device = RAM  # with the embedding
        logits = self.new(self.shape.vocabulary, normed, rows=0 if every_row else self.rows)
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
        return cells(self.shape, layer, self._context, self.batch)

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
        mixed = self.attend(layer, query, key, value)
        if layer.gate:
            mixed = self.over(mixed, self.over(self.new(layer.gate, of)))
        if self.shape.norms.inside:
            mixed = self.norm(mixed)
        return self.new(self.shape.embedding, mixed)

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
            mixed = Result(4 * width * self.batch, (*self._turned(layer, cache, values), scores))
        if latent:
            unpacked = layer.heads * latent.value_length
            mixed = self.part(self.new(unpacked, self.part(mixed, width)), unpacked)
            mixed = self.new(unpacked, mixed)
        elif not self.flash:
            mixed = Result(4 * width * self.batch, (self.part(mixed, width),))
        return self.graph.expand(self.view(mixed))

    def _turned(self, layer: Layer, cache: Cache, values: list[Result]) -> list[Result]:
        """The values, transposed here where the cache does not hold them so: of latents, and where flash attention was
        given up once the cache was made.
        """
        if self.shape.latent is not None:
            return [Result(2 * self.shape.latent.rank * cache.cells, (self.positions,))]
        if self._transposed:
            return values
        return [Result(self._stored(1, layer.kv_heads * layer.value_length) * cache.cells, (self.positions, *values))]

    def _stored(self, part: int, width: int) -> int:
        """Bytes of so many numbers in the cache of keys (0) or values (1)."""
        return TYPES_BY_NAME[self._kv_types[part].upper()].size(width)

    def _kept(self, layer: Layer, cache: Cache) -> tuple[list[Result], list[Result]]:
        """A layer's keys and values in its cache: outside this buffer, copied into it where another device reads."""
        if self._devices == 1:
            return [], []
        kept = []
        for part, width in enumerate((layer.key_length, layer.value_length)):
            size = self._stored(part, layer.kv_heads * width) * cache.cells
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
            value_rows = owner.kv_heads * owner.value_length if self._transposed else 1
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


def _rotation(length: int) -> int:
    """The largest power of two, from 64, that divides a key's length."""
    size = 64
    while length % (size * 2) == 0:
        size *= 2
    return size
