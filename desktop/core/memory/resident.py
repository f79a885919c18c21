"""What the engine's process holds in main memory while it answers, as the system counts it (resident set).

Above the engine's own buffers that is Python with llama.cpp, and the vocabulary as the tokenizer keeps it. An upper
bound: of a separate token embedding only the rows that were read become resident, of the compute buffer what a batch
touches. Measured with llama-cpp-python 0.3.36 on x86-64 Linux: 47 MB before a load; 284 to 449 bytes per token for
the vocabularies of Llama 2 and 3, Qwen 2 and Gemma 4.
"""

from __future__ import annotations

from desktop.core.hardware import RAM
from desktop.core.memory.estimate import Memory
from desktop.core.memory.shape import ModelShape

PROCESS_BYTES = 47_000_000
VOCABULARY_BYTES = 400  # per token: its text, score and place in two tables, and the merges


def resident_bytes(memory: Memory, shape: ModelShape) -> int:
    """Bytes of main memory of the engine's process with a model loaded and in use; every weight counted once."""
    held = sum(device.total_bytes for device in memory.devices if device.device == RAM)
    return PROCESS_BYTES + VOCABULARY_BYTES * shape.vocabulary + held
