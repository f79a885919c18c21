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
    in a cache or in the weights has size 0 here.
    """

    __slots__ = ("address", "children", "held", "inplace", "is_output", "size", "sources", "viewed", "views")

    def __init__(
        self,
        size: int,
        sources: tuple[Result, ...] = (),
        *,
        inplace: bool = False,
        viewed: Result | None = None,
    ) -> None:
        self.size = -(-size // ALIGNMENT) * ALIGNMENT
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

    def leaf(self, size: int) -> Result:
        """An input of the graph; it takes part once something that uses it is expanded."""
        return Result(size)

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
        """Bytes of the compute buffer; the graph is used up."""
        memory = _Memory()
        for leaf in self._leaves:
            leaf.address, leaf.held = memory.take(leaf.size), True
        for node in self._nodes:
            if node.viewed is not None:
                node.viewed.views += 1
            for source in node.sources:
                source.children += 1
        for node in self._nodes:
            _place(node, memory)
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
                    memory.give(owner.address, owner.size)
                    owner.held = False
        return memory.highest


def _place(node: Result, memory: _Memory) -> None:
    if node.viewed is not None or not node.size:
        return
    node.held = True
    if node.inplace:
        for source in node.sources:
            reusable = source.held and source.children == 1 and not source.views and not source.is_output
            if reusable and source.size == node.size:
                node.address, source.held = source.address, False
                return
    node.address = memory.take(node.size)


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
