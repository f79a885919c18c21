"""Whether a model's weights may be packed for Intel's matrix tiles (AMX).

llama.cpp (0c1e57098) chooses where a matrix lies by a trial product with a contiguous operand. The keys of multi-head
latent attention pass the trial, but their real operand is permuted, which AMX does not take (ggml-cpu/amx/amx.cpp,
``supports_op``): the process then ends at ``GGML_ASSERT(*cur_backend_id != -1)``. Such models are loaded unpacked.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress

import llama_cpp.llama_cpp as lib

from desktop.core.errors import FileFormatError
from desktop.core.gguf import BytesSource, read_header
from desktop.core.memory.packing import AMX, LATENT_KEYS


def may_pack(path: str) -> bool:
    """False for a model that this engine on this CPU cannot run packed. Reads the file's header where it matters."""
    if f"{AMX} = 1".encode() not in lib.llama_print_system_info():
        return True
    with suppress(OSError, ValueError, FileFormatError), open(os.fsencode(path), "rb") as file:  # noqa: PTH123
        # freed with its last reader: closed here, it raises BufferError while an error's traceback still holds it
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return not any(LATENT_KEYS in tensor.name for tensor in read_header(BytesSource(content)).tensors)
    return True  # the load says what is wrong with it
