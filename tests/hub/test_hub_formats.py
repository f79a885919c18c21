"""Which format a repo is said to have."""

import pytest

from desktop.hub.formats import formats_of
from desktop.hub.records import Format


@pytest.mark.parametrize(
    ("repo", "tags", "library", "files", "config", "expected"),
    [
        ("a/M-GGUF", ["gguf"], "", ["m-Q4_K_M.gguf", "README.md"], None, ["GGUF"]),
        ("a/M-AWQ", ["safetensors", "awq", "4-bit"], "transformers", ["model.safetensors"],
         {"quantization_config": {"quant_method": "awq"}}, ["AWQ"]),
        ("a/M-4bit", ["safetensors"], "transformers", ["model.safetensors"],
         {"quantization_config": {"quant_method": "gptq"}}, ["GPTQ"]),
        ("a/M-bnb-4bit", ["safetensors"], "", ["model.safetensors"],
         {"quantization_config": {"quant_method": "bitsandbytes"}}, ["bitsandbytes"]),
        ("a/M-FP8-dynamic", ["safetensors"], "", ["model.safetensors"],
         {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"type": "float"}}}, ["FP8"]),
        ("a/M", ["safetensors"], "transformers", ["model-00001-of-00002.safetensors"], {}, ["safetensors"]),
        ("mlx-community/M-4bit", ["mlx", "safetensors"], "mlx", ["model.safetensors"], None, ["MLX"]),
        ("a/M-exl2", [], "", ["output.safetensors", "config.json"], None, ["EXL2"]),
        ("a/M-exl3", ["exl3"], "exllamav3", [], None, ["EXL3"]),
        ("a/M-onnx", ["onnx"], "transformers.js", ["onnx/model.onnx"], None, ["ONNX"]),
        ("a/M", ["pytorch"], "", ["pytorch_model.bin"], None, ["PyTorch"]),
        ("a/M", ["gguf", "safetensors"], "", ["model.safetensors", "m.gguf"], None, ["GGUF", "safetensors"]),
        ("a/M-fp8-GGUF", ["gguf"], "", ["m.gguf"], None, ["GGUF"]),
        ("a/notes", [], "", ["README.md"], None, []),
    ],
)  # fmt: skip
def test_formats(
    repo: str, tags: list[str], library: str, files: list[str], config: dict[str, object] | None,
    expected: list[Format],
) -> None:  # fmt: skip
    assert list(formats_of(repo, tags, library, files, config)) == expected
