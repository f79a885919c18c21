"""Model folders and repositories by their configuration files."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from support.recognised import facts

from desktop.core.formats import FolderFile, Summary, recognise_folder
from desktop.store.format_catalog import format_catalog

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "vocab_size": 128256,
    "torch_dtype": "bfloat16",
}
WEIGHTS = {"model.safetensors": 16_060_522_496}


def look(texts: Mapping[str, object], sizes: Mapping[str, int] | None = None) -> Summary:
    contents = {
        name: value
        if isinstance(value, bytes)
        else json.dumps(value).encode()
        if not isinstance(value, str)
        else value.encode()
        for name, value in texts.items()
    }
    files = [FolderFile(name, len(data)) for name, data in contents.items()]
    files += [FolderFile(name, size) for name, size in (sizes or {}).items()]
    return recognise_folder(files, contents.__getitem__, format_catalog())


def test_a_plain_folder_tells_architecture_and_size() -> None:
    summary = look({"config.json": LLAMA}, WEIGHTS)
    assert summary.id == "hf-transformers"
    expected = {
        "Architecture": "LlamaForCausalLM",
        "Layers": "32",
        "Context length": "131,072",
        "Stored in": "bfloat16",
    }
    assert facts(summary) | expected == facts(summary)
    assert summary.parameters == 8_030_261_248  # two bytes each
    assert facts(summary)["Parameters"] == "about 8.03 B"
    assert not summary.findings


def test_the_language_model_of_several_parts_counts() -> None:
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": {"num_hidden_layers": 34, "dtype": "float16"},
    }
    summary = look({"config.json": config}, {"model.safetensors": 1000})
    assert facts(summary) | {"Layers": "34", "Stored in": "float16"} == facts(summary)
    assert summary.parameters == 500


CASES: list[tuple[str, dict[str, object], dict[str, str]]] = [
    (
        "gptq",
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True},
        {"Bits": "4", "Group size": "128", "Act order (desc_act)": "yes"},
    ),
    ("gptq", {"quant_method": "gptq", "bits": 8, "group_size": -1}, {"Group size": "whole row"}),
    (
        "awq",
        {"quant_method": "awq", "bits": 4, "zero_point": True, "version": "gemm"},
        {"Zero point": "yes", "Version": "gemm"},
    ),
    (
        "exl2",
        {"quant_method": "exl2", "bits": 4.25, "head_bits": 6, "version": "0.1.5"},
        {"Bits": "4.25", "Bits of the output head": "6"},
    ),
    ("exl3", {"quant_method": "exl3", "bits": 3.0}, {"Bits": "3"}),
    (
        "bitsandbytes",
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        {"Bits": "4", "4-bit type": "nf4"},
    ),
    ("bitsandbytes", {"quant_method": "bitsandbytes", "load_in_8bit": True}, {"Bits": "8"}),
    (
        "fp8",
        {"quant_method": "fp8", "weight_block_size": [128, 128], "fmt": "e4m3"},
        {"Block": "128 x 128", "Number format": "e4m3"},
    ),
    ("mxfp4", {"quant_method": "mxfp4"}, {"Method": "mxfp4"}),
    ("nvfp4", {"quant_method": "modelopt", "quant_algo": "NVFP4"}, {"Algorithm": "NVFP4"}),
    ("quantized-other", {"quant_method": "hqq"}, {"Method": "hqq"}),
    (
        "compressed-tensors",
        {
            "quant_method": "compressed-tensors",
            "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 128, "type": "int"}}},
        },
        {"Bits": "4", "Group size": "128", "Number format": "int"},
    ),
]


@pytest.mark.parametrize(("id", "settings", "expected"), CASES)
def test_quantized_folders_tell_their_settings(id: str, settings: dict[str, object], expected: dict[str, str]) -> None:
    summary = look({"config.json": {**LLAMA, "quantization_config": settings}}, WEIGHTS)
    assert summary.id == id
    assert facts(summary) | expected == facts(summary)
    assert summary.parameters == 0  # their weights are packed


def test_older_sidecars_and_mlx() -> None:
    assert look({"config.json": LLAMA, "quantize_config.json": {"bits": 4}}, WEIGHTS).id == "gptq"
    assert look({"config.json": LLAMA, "quant_config.json": {"w_bit": 4, "q_group_size": 64}}, WEIGHTS).id == "awq"
    assert (
        look({"config.json": LLAMA, "hf_quant_config.json": {"quantization": {"quant_algo": "FP8"}}}, WEIGHTS).id
        == "nvfp4"
    )
    mlx = look({"config.json": {**LLAMA, "quantization": {"group_size": 64, "bits": 4}}}, WEIGHTS)
    assert (mlx.id, facts(mlx)["Group size"]) == ("mlx", "64")


def test_an_index_tells_parameters_and_what_is_missing() -> None:
    index = {
        "metadata": {"total_size": 16_000_000_000},
        "weight_map": {f"l{i}": f"model-0000{i % 4 + 1}-of-00004.safetensors" for i in range(40)},
    }
    here = {f"model-0000{i}-of-00004.safetensors": 4_000_000_000 for i in (1, 2, 4)}
    summary = look({"config.json": LLAMA, "model.safetensors.index.json": index}, here)
    assert summary.parameters == 8_000_000_000
    assert summary.missing == ("model-00003-of-00004.safetensors",)
    assert "1 of 4 weight files are missing" in summary.findings[0].message
    complete = look(
        {"config.json": LLAMA, "model.safetensors.index.json": index}, {**here, "model-00003-of-00004.safetensors": 1}
    )
    assert not complete.missing and not complete.findings


def test_an_adapter_names_its_base_model() -> None:
    config = {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "base_model_name_or_path": "meta-llama/Llama-3.1-8B"}
    summary = look({"adapter_config.json": config}, {"adapter_model.safetensors": 1000})
    assert (summary.id, summary.base_model) == ("lora", "meta-llama/Llama-3.1-8B")
    assert facts(summary)["Rank"] == "16"


@pytest.mark.parametrize(
    ("card", "base"),
    [
        ("---\nlicense: mit\nbase_model: org/Name-7B\n---\n# x", "org/Name-7B"),
        ("---\nbase_model:\n- org/Name-7B\n- other/x\nlicense: mit\n---", "org/Name-7B"),
        ('---\r\nbase_model: ["org/Name-7B"]\r\n---\r\n', "org/Name-7B"),
        ("# no front matter\nbase_model: org/x", ""),
        ("---\nbase_model: /home/me/model\n---", ""),
    ],
)
def test_the_model_card_names_the_base_model(card: str, base: str) -> None:
    assert look({"config.json": LLAMA, "README.md": card}, WEIGHTS).base_model == base


@pytest.mark.parametrize(
    ("texts", "sizes", "id"),
    [
        ({"model_index.json": {"_class_name": "FluxPipeline"}}, {"unet/x.safetensors": 5}, "diffusers"),
        ({}, {"a.Q4_K_M.gguf": 5, "b.gguf": 7, "README": 1}, "gguf-folder"),
        ({}, {"saved_model.pb": 5, "variables/variables.index": 7}, "savedmodel"),
        ({}, {"onnx/model.onnx": 5}, "onnx"),
        ({}, {"model.safetensors": 5}, "safetensors"),
        ({}, {"pytorch_model.bin": 5}, "pytorch"),
        ({"tokenizer.json": {}, "tokenizer_config.json": {}}, {}, "tokenizer"),
        ({"config.json": LLAMA}, {}, "config"),
        ({}, {"a.txt": 5, "b.txt": 7}, "unknown"),
        ({}, {}, "unknown"),
    ],
)
def test_other_folders(texts: dict[str, object], sizes: dict[str, int], id: str) -> None:
    summary = look(texts, sizes)
    assert summary.id == id
    assert summary.what


def test_pickles_and_remote_code_are_warned_of() -> None:
    config = {**LLAMA, "auto_map": {"AutoModel": "modeling_x.X"}}
    messages = [f.message for f in look({"config.json": config}, {"pytorch_model.bin": 5}).findings]
    assert any("Python code" in message for message in messages)
    assert any("pickles" in message for message in messages)


@pytest.mark.parametrize(
    "config", [b"", b"[]", b"{", b'{"a":' * 5000, b'"x"', b"\xff\xfe", b'{"quantization_config": 5}']
)
def test_broken_configurations_are_findings(config: bytes) -> None:
    summary = look({"config.json": config}, WEIGHTS)
    assert summary.id == "hf-transformers"
    assert bool(summary.findings) == (config not in (b"", b'{"quantization_config": 5}'))


def test_nothing_large_is_asked_for() -> None:
    files = [FolderFile("config.json", 1 << 40), FolderFile("model.safetensors", 5), FolderFile("README.md", 1 << 30)]

    def refuse(name: str) -> bytes:
        raise AssertionError(f"{name} was read")

    summary = recognise_folder(files, refuse, format_catalog())
    assert len(summary.findings) == 2
