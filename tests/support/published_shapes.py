"""Shapes of models that well-known makers publish as GGUF, from their config.json; for the picker's tables."""

from __future__ import annotations

from desktop.core.memory import Layer, ModelShape

from .published import MODELS, Published


def _dense(
    name: str, layers: int, embedding: int, heads: int, kv: int, length: int, forward: int, words: int, context: int
) -> ModelShape:
    return ModelShape(name, (Layer(heads, kv, length, length, forward),) * layers, embedding, words, context)


def _windowed(layers: int, embedding: int, heads: int, kv: int, forward: int) -> ModelShape:
    """Gemma 3: of six layers, five see 1,024 tokens."""
    near, far = (Layer(heads, kv, 256 if heads != 32 else 128, 256 if heads != 32 else 128, forward, window=window)
                 for window in (1024, 0))  # fmt: skip
    pattern = tuple(far if number % 6 == 5 else near for number in range(layers))
    return ModelShape("gemma3", pattern, embedding, 262_144, 131_072)


def _experts(
    name: str, layers: int, embedding: int, heads: int, kv: int, length: int, experts: int, used: int, forward: int,
    words: int, context: int,
) -> ModelShape:  # fmt: skip
    layer = Layer(heads, kv, length, length, 0, experts=experts, experts_used=used, expert_feed_forward=forward)
    return ModelShape(name, (layer,) * layers, embedding, words, context, experts=experts, experts_used=used)


QWEN, LLAMA = 151_936, 128_256
SHAPES: dict[str, Published] = {
    **MODELS,
    "Llama-3.2-3B": Published(_dense("llama", 28, 3072, 24, 8, 128, 8192, LLAMA, 131_072), 3.21e9, 3.21e9),
    "Qwen3-0.6B": Published(_dense("qwen3", 28, 1024, 16, 8, 128, 3072, QWEN, 40_960), 0.6e9, 0.6e9),
    "Qwen3-4B": Published(_dense("qwen3", 36, 2560, 32, 8, 128, 9728, QWEN, 262_144), 4.02e9, 4.02e9),
    "Qwen3-8B": Published(_dense("qwen3", 36, 4096, 32, 8, 128, 12_288, QWEN, 40_960), 8.19e9, 8.19e9),
    "Qwen3-14B": Published(_dense("qwen3", 40, 5120, 40, 8, 128, 17_408, QWEN, 40_960), 14.8e9, 14.8e9),
    "Qwen3-32B": Published(_dense("qwen3", 64, 5120, 64, 8, 128, 25_600, QWEN, 40_960), 32.8e9, 32.8e9),
    "Qwen3-235B-A22B": Published(_experts("qwen3moe", 94, 4096, 64, 4, 128, 128, 8, 1536, QWEN, 262_144), 235e9, 22e9),
    "Qwen2.5-7B": Published(_dense("qwen2", 28, 3584, 28, 4, 128, 18_944, 152_064, 32_768), 7.62e9, 7.62e9),
    "Qwen2.5-14B": Published(_dense("qwen2", 48, 5120, 40, 8, 128, 13_824, 152_064, 131_072), 14.8e9, 14.8e9),
    "Mistral-7B": Published(_dense("llama", 32, 4096, 32, 8, 128, 14_336, 32_000, 32_768), 7.24e9, 7.24e9),
    "Mistral-Nemo-12B": Published(_dense("llama", 40, 5120, 32, 8, 128, 14_336, 131_072, 131_072), 12.2e9, 12.2e9),
    "Mistral-Small-24B": Published(_dense("llama", 40, 5120, 32, 8, 128, 32_768, 131_072, 131_072), 23.6e9, 23.6e9),
    "Gemma-3-4b": Published(_windowed(34, 2560, 8, 4, 10_240), 3.88e9, 3.88e9),
    "Gemma-3-12b": Published(_windowed(48, 3840, 16, 8, 15_360), 11.8e9, 11.8e9),
    "Gemma-3-27b": Published(_windowed(62, 5376, 32, 16, 21_504), 27.0e9, 27.0e9),
    "Phi-4": Published(_dense("phi3", 40, 5120, 40, 10, 128, 17_920, 100_352, 16_384), 14.7e9, 14.7e9),
    "Phi-4-mini": Published(_dense("phi3", 32, 3072, 24, 8, 128, 8192, 200_064, 131_072), 3.84e9, 3.84e9),
    "SmolLM2-1.7B": Published(_dense("llama", 24, 2048, 32, 32, 64, 8192, 49_152, 8192), 1.71e9, 1.71e9),
    "Granite-3.3-8B": Published(_dense("granite", 40, 4096, 32, 8, 128, 12_800, 49_159, 131_072), 8.17e9, 8.17e9),
    "gpt-oss-20b": Published(_experts("gpt-oss", 24, 2880, 64, 8, 64, 32, 4, 2880, 201_088, 131_072), 20.9e9, 3.6e9),
}
