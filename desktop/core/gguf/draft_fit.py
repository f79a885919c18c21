"""What a model's header says of speculation: whether it can guess by itself, and whether another can guess for it.

Source: llama.cpp 0c1e57098, ``common/speculative.cpp`` (common_speculative_are_compatible, its two limits) and
``src/models/*.cpp`` (architectures with a graph for LLM_GRAPH_TYPE_DECODER_MTP).
"""

from __future__ import annotations

from itertools import islice

from desktop.core.gguf.header import Header

# glm5-next is left out: its graph is "not implemented yet"
_MTP_ARCHITECTURES = frozenset((
    "bailingmoe3", "cohere2moe", "deepseek2", "deepseek32", "deepseek4", "glm-dsa", "glm4moe", "hy_v3", "mimo2",
    "nemotron_h_moe", "qwen35", "qwen35moe", "qwen3next", "step35",
))  # fmt: skip
_MTP_TENSOR = ".nextn.eh_proj"
_LARGEST_DIFFERENCE = 128  # tokens, SPEC_VOCAB_MAX_SIZE_DIFFERENCE
_FIRST_COMPARED = 5  # SPEC_VOCAB_CHECK_START_TOKEN_ID
_TOKENS, _KIND = "tokenizer.ggml.tokens", "tokenizer.ggml.model"
_ENDS = (("add_bos_token", "bos_token_id"), ("add_eos_token", "eos_token_id"))


def mtp_layers(header: Header) -> int:
    """How many layers for multi-token prediction the engine could use of a model's first file; 0: it has none."""
    if header.architecture not in _MTP_ARCHITECTURES:
        return 0
    return max(0, header.integer(f"{header.architecture}.nextn_predict_layers") or 0)


def holds_mtp(headers: tuple[Header, ...]) -> bool:
    """Whether the layers are there in fact: some conversions leave them out and keep the number."""
    return any(_MTP_TENSOR in tensor.name for header in headers for tensor in header.tensors)


def vocabulary_difference(model: Header, draft: Header) -> str:
    """In what the vocabularies differ so that no guess could be checked, as the end of a sentence; "" where they fit.

    Arrays are read here, so both sources must still be open. What only the engine knows (defaults of a tokenizer for
    what a header does not say) is left to it.
    """
    kinds = model.string(_KIND), draft.string(_KIND)
    if kinds[0] != kinds[1]:
        return f"its tokenizer is {kinds[1] or 'unknown'}, not {kinds[0] or 'unknown'}"
    mine, other = model.array(_TOKENS), draft.array(_TOKENS)
    if mine is None or other is None:
        return "a vocabulary is missing"
    if abs(len(mine) - len(other)) > _LARGEST_DIFFERENCE:
        return f"it has {len(other):,} tokens, not {len(mine):,}"
    for added, token in _ENDS:
        wanted, found = (header.metadata.get(f"tokenizer.ggml.{added}") for header in (model, draft))
        if wanted is None or found is None:
            continue
        ids = [header.integer(f"tokenizer.ggml.{token}") for header in (model, draft)]
        if wanted.data != found.data or (wanted.data and None not in ids and ids[0] != ids[1]):
            return f"its {token.split('_')[0].upper()} token is another"
    pairs = islice(enumerate(zip(mine, other, strict=False)), _FIRST_COMPARED, None)
    at = next((number for number, (one, two) in pairs if one != two), None)
    return "" if at is None else f"token {at:,} is another"
