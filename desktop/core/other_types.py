"""Tensor types and quantizations of other programs that read GGUF files; llama.cpp cannot load these.

Sources: ik_llama.cpp ``gguf-py/gguf/constants.py`` (GGMLQuantizationType) and ``include/llama.h`` (llama_ftype);
bitnet.cpp ``3rdparty/llama.cpp/ggml/include/ggml.h`` (I2_S, TL1, TL2). Heft has no sizes of them, and so no figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_IK, _BITNET = "ik_llama.cpp", "bitnet.cpp"

OTHER_TYPES: Mapping[int, str] = {
    97: "Q8_0_X4", 98: "Q8_1_X4", 99: "Q8_2_X4", 133: "Q6_0", 134: "IQ1_BN", 135: "IQ2_BN", 136: "Q8_K64",
    137: "IQ2_K", 138: "IQ3_K", 139: "IQ4_K", 140: "IQ5_K", 141: "IQ6_K", 144: "IQ4_KS", 145: "IQ2_KS", 146: "IQ4_KSS",
    147: "Q8_K16", 148: "Q8_K32", 149: "Q8_KR8", 150: "Q8_K128", 151: "Q8_KV", 152: "IQ5_KS", 153: "IQ2_KT",
    154: "IQ3_KT", 155: "IQ4_KT", 156: "IQ3_KS", 157: "IQ2_KL", 158: "IQ1_KT", 202: "Q4_0_R8", 206: "Q5_0_R4",
    208: "Q8_0_R8", 210: "Q2_K_R4", 211: "Q3_K_R4", 212: "Q4_K_R4", 213: "Q5_K_R4", 214: "Q6_K_R4", 216: "IQ2_XXS_R4",
    217: "IQ2_XS_R4", 218: "IQ3_XXS_R4", 219: "IQ1_S_R4", 220: "IQ4_NL_R4", 221: "IQ3_S_R4", 222: "IQ2_S_R4",
    223: "IQ4_XS_R8", 229: "IQ1_M_R4", 230: "BF16_R16", 233: "Q6_0_R4", 335: "IQ2_BN_R4", 337: "IQ2_K_R4",
    338: "IQ3_K_R4", 339: "IQ4_K_R4", 340: "IQ5_K_R4", 344: "IQ4_KS_R4", 352: "IQ5_KS_R4", 398: "Q8_KV_R8",
    399: "Q8_K_R8",
}  # fmt: skip
_IK_LABEL = re.compile(
    r"(?:IQ\d_K(?:S|SS|T|L)?|IQ\d_BN|Q6_0|Q8_KV|I?Q\d_\w+_R\d+|BF16_R16|IQ\d_(?:XXS|XS|S|M|NL)_R\d+)", re.IGNORECASE
)
_BITNET_LABEL = re.compile(r"I2_S|TL[12]", re.IGNORECASE)


def program_of_label(label: str) -> str:
    """The program that runs a quantization of this name, "" for llama.cpp's own and for unknown ones."""
    if _IK_LABEL.fullmatch(label):
        return _IK
    return _BITNET if _BITNET_LABEL.fullmatch(label) else ""


def program_of_types(types: Iterable[int]) -> str:
    """The program that runs tensors of these types; "" where none of them is known to be another's than llama.cpp's."""
    return _IK if any(type_id in OTHER_TYPES for type_id in types) else ""


def cannot_load(label: str, program: str) -> str:
    """What is said of a variant in such a type, in a sentence."""
    return f"llama.cpp cannot load these: {label} is a type of {program}, which runs it."
