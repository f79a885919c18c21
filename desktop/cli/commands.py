"""The commands of ``heft``, each declared once."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """What a command is for, and one line of it to copy: at the end of its help, and where an argument is missing."""

    summary: str
    example: str


# By name; the module desktop.cli.<name> is imported only when it is asked for, and has ``add_arguments(parser)`` and
# ``run(args) -> int``.
COMMANDS = {
    "machine": Command("what this computer is", "heft machine --measure"),
    "library": Command("GGUF files on this computer", "heft library"),
    "inspect": Command(
        "what is inside a model file, here or on the Hub", "heft inspect hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"
    ),
    "fit": Command(
        "memory, placement and speed of a model file, here or on another computer",
        "heft fit hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf --context 8192",
    ),
    "search": Command("models on the Hub", "heft search qwen3 --fits"),
    "variants": Command(
        "what a repo offers, how each variant would do here, and which to take", "heft variants Qwen/Qwen3-4B-GGUF"
    ),
    "download": Command("a variant or file from the Hub, verified", "heft download Qwen/Qwen3-4B-GGUF Q4_K_M"),
    "jobs": Command("long work: what runs, waits or has failed; pause, resume or cancel it", "heft jobs pause 3f2a"),
    "run": Command("one answer, streamed", "heft run starter --prompt 'Why is the sea salty?'"),
    "chat": Command("a conversation in the terminal", "heft chat starter"),
    "bench": Command("prompt and generation speed", "heft bench starter"),
    "tune": Command("the load settings that are fastest here, measured and remembered", "heft tune starter"),
    "serve": Command(
        "the models of this computer for other programs: OpenAI's, Anthropic's and Ollama's clients",
        "heft serve status",
    ),
    "quantize": Command("makes a variant of a model, with its size said before", "heft quantize model-F16.gguf Q4_K_M"),
    "convert": Command("a folder of safetensors to a GGUF file", "heft convert ~/models/Qwen3-4B"),
    "imatrix": Command(
        "which weights of a model matter, by a text: an importance matrix for 'heft quantize'",
        "heft imatrix model-F16.gguf",
    ),
    "measure": Command(
        "what a model loses on a text, by itself or against a reference",
        "heft measure model-Q4_K_M.gguf --against model-F16.gguf",
    ),
    "compare": Command(
        "two models side by side on the same prompts", "heft compare model-Q4_K_M.gguf model-F16.gguf --prompt 'Why?'"
    ),
    "split": Command("a model in several files", "heft split model.gguf --max-size '2 GB'"),
    "merge": Command("one file of the shards of a model", "heft merge model-00001-of-00003.gguf"),
    "edit": Command(
        "a copy of a model file with other metadata", "heft edit model.gguf general.name='My model' --to copy.gguf"
    ),
    "numbers": Command("what a number format makes of numbers", "heft numbers 1.2 -0.5 -4.3 5.4 --format INT8"),
    "backends": Command(
        "what the engine computes with besides the processor: Vulkan, CUDA; add, try, choose, go back",
        "heft backends try vulkan",
    ),
    "endpoints": Command(
        "other servers whose models answer here: add, test, rename, remove",
        "heft endpoints add http://studio.local:8080",
    ),
    "tools": Command(
        "servers of tools for the chat (MCP): add, import, switch on, try, remove", "heft tools import mcp.json"
    ),
    "worker": Command("lends this computer's devices to another one of yours, by a tunnel", "heft worker"),
    "workers": Command(
        "other computers that lend their devices: add, test, measure, weigh a model", "heft workers weigh starter"
    ),
    "engine": Command("the program that runs models: where it is, and building it where there is none", "heft engine"),
    "settings": Command(
        "how a model is loaded: shows and sets what is remembered", "heft settings starter context=8192"
    ),
    "config": Command("the program's settings", "heft config theme dark"),
    "backup": Command(
        "chats, settings, what is remembered of models, and the ledger in one file", "heft backup heft-backup.zip"
    ),
    "restore": Command("brings a backup back, whole or not at all", "heft restore heft-backup.zip"),
    "report": Command(
        "logs, versions and this computer in one file for an issue, without names and chats", "heft report"
    ),
}

LOG_LEVEL = "--log-level"  # every command takes it, anywhere in the line
