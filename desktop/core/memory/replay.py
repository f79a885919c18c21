"""The engine's graph allocator, replayed on the sizes of a graph's results.

A compute buffer is as large as the highest address its allocator hands out, so this says it to the byte, given the
right graph. Source: llama.cpp 0c1e57098, ``ggml/src/ggml-alloc.c`` (ggml_dyn_tallocr_alloc, best fit with the last
block growing; ggml_gallocr_allocate_node, results written over an argument that is used no more) and
``ggml/src/ggml.c`` (ggml_visit_parents_graph, the order of nodes).
"""

from __future__ import annotations

from bisect import bisect_left

ALIGNMENT = 32  # of CPU buffers (TENSOR_ALIGNMENT); GPUs align to 128, which changes a buffer by kilobytes


class Result:
    """A tensor of the graph. ``size`` in bytes; ``viewed`` is whose memory a view shows (it has none of its own).

    ``inplace``: it may be written over an argument of its size that nothing else needs and that is no view. What lies
    in a cache or in the weights has size 0 here. ``span``: bytes from a view's first to its last, which a copy takes.
    """

    __slots__ = (
        "address", "children", "device", "held", "inplace", "is_output", "size", "sources", "span", "viewed", "views",
    )  # fmt: skip

    def __init__(
        self,
        size: int,
        sources: tuple[Result, ...] = (),
        *,
        inplace: bool = False,
        viewed: Result | None = None,
        device: int | None = None,
        span: int = 0,
    ) -> None:
        """``device``: where it is computed; None leaves that to its neighbours."""
        self.device = device
        self.size = -(-size // ALIGNMENT) * ALIGNMENT
        self.span = max(span, self.size)
        self.sources = sources
        self.inplace = inplace
        self.viewed = viewed
        self.is_output = False
        self.children = 0
        self.views = 0
        self.address = -1
        self.held = False


class Graph:
    """Results in the order in which the engine computes them."""

    def __init__(self) -> None:
        self._leaves: list[Result] = []
        self._nodes: list[Result] = []
        self._seen: set[int] = set()

    def leaf(self, size: int, device: int = 0) -> Result:
        """An input of the graph; it takes part once something that uses it is expanded."""
        return Result(size, device=device)

    def expand(self, result: Result) -> Result:
        """Append a result after all it is made of, sources from left to right."""
        stack: list[tuple[Result, bool]] = [(result, False)]
        while stack:
            current, ready = stack.pop()
            if ready:
                self._nodes.append(current)
                continue
            if id(current) in self._seen:
                continue
            self._seen.add(id(current))
            if not current.sources:
                self._leaves.append(current)
                continue
            stack.append((current, True))
            stack.extend((source, False) for source in reversed(current.sources))
        return result

    def size(self) -> int:
        """Bytes of the compute buffer on a single device; the graph is used up."""
        return self.sizes(1)[0]

    def sizes(self, devices: int) -> list[int]:
        """Bytes of each device's compute buffer; the graph is used up."""
        nodes = self._nodes
        for leaf in self._leaves:
            leaf.device = leaf.device or 0
        if devices > 1:
            _settle_devices(nodes)
            nodes = _with_copies(nodes)
        memories = [_Memory() for _ in range(devices)]
        for leaf in self._leaves:
            leaf.address, leaf.held = memories[leaf.device or 0].take(leaf.size), True
        for node in nodes:
            if node.viewed is not None:
                node.viewed.views += 1
            for source in node.sources:
                source.children += 1
        for node in nodes:
            _place(node, memories[node.device or 0])
            for source in node.sources:
                source.children -= 1
                if source.children or source.views:
                    continue
                owner = source
                if source.viewed is not None:
                    owner = source.viewed
                    owner.views -= 1
                    if owner.views or owner.children:
                        continue
                if owner.held and not owner.is_output:
                    memories[owner.device or 0].give(owner.address, owner.size)
                    owner.held = False
        return [memory.highest for memory in memories]


def _place(node: Result, memory: _Memory) -> None:
    if node.viewed is not None or not node.size:
        return
    node.held = True
    if node.inplace:
        for source in node.sources:
            reusable = source.held and source.children == 1 and not source.views and not source.is_output
            if reusable and source.size == node.size and (source.device or 0) == (node.device or 0):
                node.address, source.held = source.address, False
                return
    node.address = memory.take(node.size)


def _settle_devices(nodes: list[Result]) -> None:
    """Give results that no weight binds to a device that of their neighbours; a GPU's spread first.

    Source: llama.cpp 0c1e57098, ``ggml/src/ggml-backend.cpp`` (ggml_backend_sched_split_graph, pass 2).
    """
    computed = [node for node in nodes if node.viewed is None]
    for order, from_ram in ((1, False), (-1, False), (1, True), (-1, True)):
        current: int | None = None
        for node in computed[::order]:
            if node.device is not None:
                current = node.device if node.device or from_ram else None
            elif current is not None:
                node.device = current
    for node in nodes:
        node.device = (node.viewed.device if node.viewed is not None else node.device) or 0


def _with_copies(nodes: list[Result]) -> list[Result]:
    """The graph in runs of one device each; what a run needs of another device is copied before it, once."""
    found: list[Result] = []
    copies: dict[tuple[int, int], Result] = {}
    start = 0
    device: int | None = None
    for node in nodes:
        computes = node.viewed is None or len(node.sources) > 1  # others only look at what is there
        if computes and node.device != device:
            device, start = node.device, len(found)
        if computes:
            sources = list(node.sources)
            for at, source in enumerate(sources):
                if source.device == node.device or not source.size:
                    continue
                key = (id(source), node.device or 0)
                if key not in copies:
                    copies[key] = Result(source.span, (source,), device=node.device)
                    found.insert(start, copies[key])
                    start += 1
                sources[at] = copies[key]
            node.sources = tuple(sources)
        found.append(node)
    return found


class _Memory:
    """Free blocks by address; the last has no end."""

    def __init__(self) -> None:
        self.highest = 0
        self._starts = [0]
        self._sizes = [1 << 62]

    def take(self, size: int) -> int:
        """The start of a block: the smallest that is large enough, of equals the one at the highest address."""
        best = len(self._starts) - 1
        for at in range(len(self._starts) - 1):
            if size <= self._sizes[at] <= (self._sizes[best] if best != len(self._starts) - 1 else 1 << 62):
                best = at
        start = self._starts[best]
        self._starts[best] += size
        self._sizes[best] -= size
        if not self._sizes[best]:
            del self._starts[best], self._sizes[best]
        self.highest = max(self.highest, start + size)
        return start

    def give(self, start: int, size: int) -> None:
        """Free a block and join it with its neighbours."""
        at = bisect_left(self._starts, start)
        if at and self._starts[at - 1] + self._sizes[at - 1] == start:
            self._sizes[at - 1] += size
            at -= 1
        else:
            self._starts.insert(at, start)
            self._sizes.insert(at, size)
        if at + 1 < len(self._starts) and self._starts[at] + self._sizes[at] == self._starts[at + 1]:
            self._sizes[at] += self._sizes.pop(at + 1)
            del self._starts[at + 1]
