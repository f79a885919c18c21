"""The keys of a header below its architecture's name."""

from __future__ import annotations

from desktop.core.gguf import Header

MAX_LAYERS = 512  # LLAMA_MAX_LAYERS (src/llama-hparams.h): a file that claims more is damaged


class HeaderKeys:
    """Reads a header's ``ARCH.key`` values; a key that is an array gives one value per layer."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self.prefix = header.architecture

    def whole(self, key: str, default: int = 0) -> int:
        """A scalar, or the largest element of an array."""
        found = self._header.integer(f"{self.prefix}.{key}")
        if found is not None:
            return found
        return max(self._elements(key), default=default)

    def each(self, key: str, count: int, default: int = 0) -> list[int]:
        """One value per layer: an array's elements, or a scalar repeated."""
        elements = self._elements(key)
        if elements:
            return (elements + [elements[-1]] * count)[:count]
        return [self.whole(key, default)] * count

    def has(self, key: str) -> bool:
        return f"{self.prefix}.{key}" in self._header.metadata

    def flags(self, key: str, count: int) -> list[bool] | None:
        """An array of flags, None when the key is missing or a scalar."""
        elements = self._elements(key)
        return [bool(value) for value in (elements + [0] * count)[:count]] if elements else None

    def _elements(self, key: str) -> list[int]:
        array = self._header.array(f"{self.prefix}.{key}")
        if array is None or len(array) > MAX_LAYERS:
            return []
        return [int(value) for value in array if isinstance(value, int | bool)]
