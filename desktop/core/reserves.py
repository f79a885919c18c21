"""Memory that is left alone when models are placed, unless a person says otherwise; bytes.

Main memory: the system's own needs, the engine's process and Heft. A GPU: the driver's context (CUDA takes 200 to
500 MB per process, outside the engine's own buffers) and what the desktop draws.
"""

RAM_RESERVE_BYTES = 1_000_000_000
GPU_RESERVE_BYTES = 600_000_000
