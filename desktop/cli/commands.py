"""The commands of ``heft``, each declared once."""

from __future__ import annotations

# Name and summary of each command; its module desktop.cli.<name> is imported only when it is asked for, and has
# ``add_arguments(parser)`` and ``run(args) -> int``.
COMMANDS = {
    "machine": "what this computer is",
    "library": "GGUF files on this computer",
    "inspect": "what is inside a model file, here or on the Hub",
    "fit": "memory, placement and speed of a model file, here or on another computer",
    "search": "models on the Hub",
    "variants": "what a repo offers, how each variant would do here, and which to take",
    "download": "a variant or file from the Hub, verified",
    "jobs": "long work: what runs, waits or has failed; pause, resume or cancel it",
    "run": "one answer, streamed",
    "chat": "a conversation in the terminal",
    "bench": "prompt and generation speed",
    "backends": "what the engine computes with besides the processor: Vulkan, CUDA; add, try, choose, go back",
    "engine": "the program that runs models: where it is, and building it where there is none",
    "settings": "how a model is loaded: shows and sets what is remembered",
    "config": "the program's settings",
    "report": "logs, versions and this computer in one file for an issue, without names and chats",
}

LOG_LEVEL = "--log-level"  # every command takes it, anywhere in the line
