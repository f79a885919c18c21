"""How long a header probably is, told by what has been read of it: so that one more range brings all of it."""

from __future__ import annotations

import struct

from desktop.core.errors import FileFormatError
from desktop.core.gguf import Array, ByteSource, Header, read_header

# Bytes of tokenizer metadata per token. Measured over the 19 vocabularies of llama.cpp's folder models and the
# starter model: strings with their lengths, scores, types and merges; by tokenizer.ggml.pre where that tells more.
_BY_MODEL = {"llama": 22.7, "bert": 20.7, "t5": 27.4, "gpt2": 36.2, "gemma4": 60.3}
_BY_PRE = {
    "llama-bpe": 61.1,
    "command-r": 42.6,
    "deepseek-llm": 38.9,
    "qwen2": 39.2,
    "qwen35": 39.2,
    # Not measured: like llama-bpe they list every split of a word as a merge, two and more for each token.
    "tekken": 62.0,
    "gpt-4o": 66.0,
    "llama4": 66.0,
}
_OTHER_BYTES_PER_TOKEN = 45.0
_LARGE_VOCABULARY, _LARGE_BYTES_PER_TOKEN = 80_000, 41.0  # longer words in larger gpt2 vocabularies
_LARGE_WITHOUT_PRE = 48.5  # files from before May 2024: aquila
_WITH_MERGES = ("gpt2", "gemma4")
_BYTES_PER_TENSOR = 72  # name of about 25 bytes, shape, type and offset
_SLACK = 96 << 10  # chat template and keys after the vocabulary
_TOKENS, _TYPES, _MERGES = (f"tokenizer.ggml.{name}" for name in ("tokens", "token_type", "merges"))


def expected_header_bytes(beginning: ByteSource) -> int:
    """About how long the header is of which this is the beginning; 0 when it does not tell."""
    try:
        header = read_header(beginning, partial=True)
    except FileFormatError:
        return 0
    tokens = header.array(_TOKENS)
    if tokens is not None and len(tokens):
        vocabulary = _after_words(header, tokens)
    else:
        vocabulary = int(header.unfinished.get(_TOKENS, 0) * _bytes_per_token(header))
    return vocabulary + _tensor_count(beginning) * _BYTES_PER_TENSOR + _SLACK


def _bytes_per_token(header: Header) -> float:
    model, pre = header.string("tokenizer.ggml.model"), header.string("tokenizer.ggml.pre")
    if model == "gpt2" and pre in _BY_PRE:
        return _BY_PRE[pre]
    if model == "gpt2" and header.unfinished.get(_TOKENS, 0) > _LARGE_VOCABULARY:
        return _LARGE_BYTES_PER_TOKEN if pre else _LARGE_WITHOUT_PRE
    return _BY_MODEL.get(model, _OTHER_BYTES_PER_TOKEN)


def _after_words(header: Header, tokens: Array) -> int:
    """Where the vocabulary ends once its words are read: a merge is a word with a space in it."""
    count = len(tokens)
    end = max(value.data.end for value in header.metadata.values() if isinstance(value.data, Array))
    if _TYPES not in header.metadata:
        end += 4 * count
    if _MERGES not in header.metadata and header.string("tokenizer.ggml.model") in _WITH_MERGES:
        end += header.unfinished.get(_MERGES, count) * ((tokens.end - tokens.offset) // count + 2)
    return end


def _tensor_count(beginning: ByteSource) -> int:
    """The number of tensors as the file's first bytes declare it, bounded."""
    (count,) = struct.unpack_from("<Q", beginning.window(0, 16), 8)
    return min(int(count), 1 << 14)
