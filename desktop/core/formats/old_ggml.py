"""Files from before GGUF: ggml, ggmf, ggjt, ggla, and llama.cpp's old importance matrix.

Magic numbers and fields: llama.cpp of 2023, llama.h (LLAMA_FILE_MAGIC_*) and llama.cpp (struct llama_hparams);
whisper.cpp src/whisper.cpp (whisper_model_load); llama.cpp tools/imatrix/imatrix.cpp (save_imatrix_legacy).
"""

from __future__ import annotations

import struct

from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.reading import head, read
from desktop.core.formats.summary import Fact, Summary
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.words import tr

# The magic number is 32 bits in the writer's byte order, so on disk its letters come last first.
MAGICS = {b"lmgg": "ggml", b"fmgg": "ggmf", b"tjgg": "ggjt", b"algg": "ggla"}
_OTHER = "Look for the program that came with this file, or for a GGUF version of the model."
_LLAMA = struct.Struct("<7I")
_WHISPER = struct.Struct("<11I")
_LLAMA_LABELS = (
    "Vocabulary",
    "Embedding length",
    "Multiple of feed-forward",
    "Attention heads",
    "Layers",
    "Rotary dimensions",
)
_WHISPER_CONTEXT = 1500  # n_audio_ctx of every Whisper model
_FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    4: "Q4_1, some F16",
    5: "Q4_2",
    6: "Q4_3",
    7: "Q8_0",
    8: "Q5_0",
}
_FILE_TYPES |= {9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M"}
_FILE_TYPES |= {16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K"}


def is_old_ggml(start: bytes) -> bool:
    """Whether the first bytes are the magic of a file from before GGUF."""
    return start[:4] in MAGICS


def summarise(source: ByteSource, catalog: Catalog) -> Summary:
    """Version and hyperparameters; FileFormatError when the file ends before them."""
    id = MAGICS[head(source, 4)]
    at, facts = 4, []
    if id != "ggml":
        (version,) = struct.unpack("<I", read(source, 4, 4, "the version"))
        facts.append(Fact(tr("Version"), f"{version:,}"))
        at = 8
    if id == "ggla":
        rank, alpha = struct.unpack("<2I", read(source, at, 8, "rank and alpha"))
        return catalog.summary(id, facts=(*facts, Fact(tr("Rank"), f"{rank:,}"), Fact(tr("Alpha"), f"{alpha:,}")))
    if id == "ggml" and source.size >= at + _WHISPER.size:
        fields = _WHISPER.unpack(read(source, at, _WHISPER.size, "the hyperparameters"))
        if fields[1] == _WHISPER_CONTEXT:
            return _whisper(fields, catalog)
    *sizes, file_type = _LLAMA.unpack(read(source, at, _LLAMA.size, "the hyperparameters"))
    findings = []
    if max(sizes) >= 1 << 20:
        message = "Its hyperparameters are not those of a LLaMA model."
        findings.append(Finding("note", message, tr("Other programs of that time used the same first bytes."), _OTHER))
    else:
        facts += [Fact(label, f"{size:,}") for label, size in zip(_LLAMA_LABELS, sizes, strict=True)]
        # Quantized files of llama.cpp's sister programs add 1,000 for each version of the quantization.
        facts.append(Fact(tr("File type"), _FILE_TYPES.get(file_type % 1000, f"unknown ({file_type:,})")))
    return catalog.summary(id, facts=tuple(facts), findings=tuple(findings))


def _whisper(fields: tuple[int, ...], catalog: Catalog) -> Summary:
    labels = (
        (0, "Vocabulary"),
        (2, "Audio width"),
        (4, "Audio layers"),
        (6, "Text width"),
        (8, "Text layers"),
        (9, "Mel bands"),
    )
    facts = [Fact(label, f"{fields[index]:,}") for index, label in labels]
    return catalog.summary(
        "ggml",
        title="Whisper speech model (ggml)",
        what="A speech recognition model in the form of whisper.cpp.",
        runs_on="whisper.cpp on processors and on NVIDIA, AMD, Intel and Apple GPUs.",
        advice="Open it with whisper.cpp: Heft runs language models.",
        facts=(*facts, Fact(tr("File type"), _FILE_TYPES.get(fields[10] % 1000, f"unknown ({fields[10]:,})"))),
    )


def looks_like_imatrix(source: ByteSource) -> bool:
    """Whether the file begins as llama.cpp's old importance matrix: a count, then a tensor's name with its length."""
    start = head(source, 80)
    if len(start) < 80:
        return False
    count, length = struct.unpack_from("<2i", start)
    name = start[8 : 8 + max(0, length)]
    return 0 < count < 1 << 20 and 8 <= length <= 72 and name.endswith(b".weight") and name.isascii()


def summarise_imatrix(source: ByteSource, catalog: Catalog) -> Summary:
    """The number of entries and the first tensor's name."""
    start = head(source, 80)
    count, length = struct.unpack_from("<2i", start)
    first = one_line(start[8 : 8 + length].decode("ascii"))
    return catalog.summary("imatrix", facts=(Fact(tr("Tensors"), f"{count:,}"), Fact(tr("First"), first)))
