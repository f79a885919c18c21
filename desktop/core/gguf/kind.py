"""What a GGUF file is for, decided from its header before anything is loaded.

Sources, all of llama.cpp 0c1e57098: ``gguf-py/gguf/constants.py`` (GGUFType), ``src/llama-arch.cpp`` (names of
architectures), ``src/llama-model.cpp`` (llama_model_has_encoder), ``include/llama.h`` (llama_pooling_type),
``tools/cvector-generator`` (controlvector). Names of picture models are those that ComfyUI-GGUF reads
(``loader.py``, IMG_ARCH_LIST).
"""

from __future__ import annotations

from desktop.core.gguf.header import Header
from desktop.core.gguf.values import ValueType
from desktop.core.model_kind import CHATML_TOKENS, ENCODERS, TEXT_DIFFUSION, ModelKind

_KINDS_OF_ARCHITECTURES: dict[ModelKind, tuple[str, ...]] = {
    ModelKind.PROJECTOR: ("clip",),
    ModelKind.CONTROL_VECTOR: ("controlvector",),
    ModelKind.ENCODER_DECODER: ("t5",),
    ModelKind.DRAFT: ("eagle3", "dflash", "gemma4-assistant"),
    ModelKind.AUDIO: ("wavtokenizer-dec", "qwen3tts", "pockettts", "whisper"),
    ModelKind.DIFFUSION: (
        *TEXT_DIFFUSION, "flux", "sd1", "sd3", "sdxl", "aura", "hidream", "cosmos", "ltxv", "hyvid", "wan", "lumina2",
        "qwen_image", "pig",
    ),
}  # fmt: skip
_BY_ARCHITECTURE = {name: kind for kind, names in _KINDS_OF_ARCHITECTURES.items() for name in names}
_BY_TYPE = {"mmproj": ModelKind.PROJECTOR, "adapter": ModelKind.ADAPTER, "imatrix": ModelKind.IMATRIX}
_POOLED, _RANKED = (1, 2, 3), 4  # llama_pooling_type: mean, class token, last token; rank
_CLASSIFIERS = frozenset(("cls.weight", "cls.output.weight"))
_PICTURES = (
    "model.diffusion_model.", "double_blocks.", "joint_blocks.", "first_stage_model.", "cond_stage_model.",
    "conditioner.", "transformer_blocks.", "input_blocks.",
)  # fmt: skip
_CONTROL = 3  # llama_token_type


def model_kind(header: Header) -> ModelKind:
    """What the file of a header is for; of a split model the first shard says it.

    Of a header that was read in part: UNKNOWN where what was read does not decide it.
    """
    architecture = header.architecture
    found = _BY_TYPE.get(header.string("general.type")) or _BY_ARCHITECTURE.get(architecture)
    if found is not None:
        return found
    if not architecture:
        return _unnamed(header)
    if header.complete and not header.tensors and header.split is None:
        return ModelKind.VOCABULARY
    return _vectors(header, architecture) or _text(header)


def _unnamed(header: Header) -> ModelKind:
    """Of a file that names no architecture: picture models are written so by stable-diffusion.cpp (model.cpp)."""
    pictures = any(tensor.name.startswith(_PICTURES) for tensor in header.tensors)
    return ModelKind.DIFFUSION if pictures else ModelKind.UNKNOWN


def has_chatml_tokens(header: Header) -> bool:
    """Whether the vocabulary has ChatML's marks as tokens of their own, as the engine reads them.

    The engine makes a control token of ``<|im_end|>`` whatever its stored type (src/llama-vocab.cpp), so the type of
    ``<|im_start|>`` decides.
    """
    tokens, types = header.array("tokenizer.ggml.tokens"), header.array("tokenizer.ggml.token_type")
    if tokens is None or types is None or tokens.type is not ValueType.STRING or types.type is not ValueType.INT32:
        return False
    stored = tokens.stored()
    if any(token.encode() not in stored for token in CHATML_TOKENS):
        return False  # without decoding a vocabulary of 200,000
    texts = tokens.strings()
    if any(token not in texts for token in CHATML_TOKENS):
        return False
    at = texts.index(CHATML_TOKENS[0])
    return at < len(types) and types.numbers(at, at + 1) == [_CONTROL]


def _vectors(header: Header, architecture: str) -> ModelKind | None:
    """EMBEDDING or RERANKER for a model that makes vectors or a score of a text; None for others."""
    pooling = header.integer(f"{architecture}.pooling_type")
    if pooling == _RANKED:
        return ModelKind.RERANKER
    causal = header.metadata.get(f"{architecture}.attention.causal")
    encodes = architecture in (*ENCODERS, "t5encoder", "llama-embed") or (causal is not None and causal.data is False)
    if not encodes and pooling not in _POOLED:
        return None
    ranks = encodes and any(tensor.name in _CLASSIFIERS for tensor in header.tensors)
    return ModelKind.RERANKER if ranks else ModelKind.EMBEDDING


def _text(header: Header) -> ModelKind:
    if header.text("tokenizer.chat_template", 4):
        return ModelKind.CHAT
    if not header.complete or not header.string("tokenizer.ggml.model"):
        return ModelKind.UNKNOWN
    return ModelKind.CHAT if has_chatml_tokens(header) else ModelKind.BASE
