"""Whether a model's weights may be packed for Intel's matrix tiles (AMX).

llama.cpp (0c1e57098) chooses where a matrix lies by a trial product with a contiguous operand. The keys of multi-head
latent attention pass the trial, but their real operand is permuted, which AMX does not take (ggml-cpu/amx/amx.cpp,
``supports_op``): the process then ends at ``GGML_ASSERT(*cur_backend_id != -1)``. Such models are loaded unpacked.
"""

from __future__ import annotations

import llama_cpp.llama_cpp as lib

from desktop.core.memory.packing import AMX
from desktop.engine.model_facts import facts_of


def may_pack(path: str) -> bool:
    """False for a model that this engine on this CPU cannot run packed. Reads the file's header where it matters."""
    return f"{AMX} = 1".encode() not in lib.llama_print_system_info() or not facts_of(path).latent_keys
