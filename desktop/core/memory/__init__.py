"""Memory of a model before it is loaded, by formulas: from its shape, its weights and the settings of a load."""

from desktop.core.memory.cache import context_of, default_context
from desktop.core.memory.estimate import DeviceMemory, Memory, checkpoint_bytes, estimate, weights_on
from desktop.core.memory.packing import packed
from desktop.core.memory.resident import resident_bytes
from desktop.core.memory.shape import Layer, ModelShape, shape_of
from desktop.core.memory.split import Split
from desktop.core.memory.weights import Weights, no_weights, weights_from_size, weights_of

__all__ = [
    "DeviceMemory",
    "Layer",
    "Memory",
    "ModelShape",
    "Split",
    "Weights",
    "checkpoint_bytes",
    "context_of",
    "default_context",
    "estimate",
    "no_weights",
    "packed",
    "resident_bytes",
    "shape_of",
    "weights_from_size",
    "weights_of",
    "weights_on",
]
