"""Memory that is left alone when models are placed; bytes.

Main memory: the system's own needs, the engine's process and Heft. A GPU: the driver's context (CUDA takes 200 to
500 MB per process, outside the engine's own buffers) and what the desktop draws.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

RAM_RESERVE_BYTES = 1_000_000_000
GPU_RESERVE_BYTES = 600_000_000


class Reserves(msgspec.Struct, frozen=True):
    """What a computer's main memory and each of its GPUs keep free."""

    ram_bytes: Annotated[int, msgspec.Meta(ge=0)] = RAM_RESERVE_BYTES
    gpu_bytes: Annotated[int, msgspec.Meta(ge=0)] = GPU_RESERVE_BYTES
