"""Why the converter, or the pip that fetches what it needs, gave up: by what they printed."""

from __future__ import annotations

import re

from desktop.core.errors import EngineError
from desktop.core.failures import FailureKind
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.engine.converter.process import ProcessFailed

_STRANGE = "HEFT-STRANGE-CODE"  # resources/converter/runner.py prints it
_UNSUPPORTED = re.compile(r"Model (\S+) is not supported")
_MISSING_MODULE = re.compile(
    r"(?:ModuleNotFoundError|ImportError): (?:No module named '([\w.]+)'|.*?`?pip install (\w+))"
)
_LAST_ERROR = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*$|^ERROR:\S*\s*(.*)$", re.M)
_NO_ROOM = ("No space left on device", "Errno 28", "not enough space on the disk")
_NO_NETWORK = ("NewConnectionError", "ConnectTimeoutError", "Temporary failure in name resolution", "ProxyError")


def explain_converter(failed: ProcessFailed, name: str) -> EngineError:
    """What kept the folder ``name`` from being converted."""
    tail = failed.tail

    def error(words: str, hint: str, kind: FailureKind) -> EngineError:
        return EngineError(words, hint, detail=tail, kind=kind)

    if _STRANGE in tail:
        return error(
            f"{name} can only be read by Python code that lies in its own folder, and Heft runs no such code.",
            "Look for a GGUF version of it on the page Discover.",
            FailureKind.STRANGE_CODE,
        )
    if found := _UNSUPPORTED.search(tail):
        return error(
            f"llama.cpp's converter does not know the architecture {one_line(found[1], 60)}.",
            "Look for a GGUF version of it on the page Discover.",
            FailureKind.UNKNOWN_ARCHITECTURE,
        )
    if any(words in tail for words in _NO_ROOM):
        return error(
            f"The disk became full while {name} was converted.", "Free some space on that disk.", FailureKind.DISK_FULL
        )
    if "BPE pre-tokenizer was not recognized" in tail:
        return error(
            f"llama.cpp's converter does not know the tokenizer of {name}.",
            "Look for a GGUF version of it on the page Discover.",
            FailureKind.BAD_TOKENIZER,
        )
    if found := _MISSING_MODULE.search(tail):
        module = found[1] or found[2]
        return error(
            f"Converting {name} needs the Python package {module}, which Heft does not install.",
            "Look for a GGUF version of it on the page Discover.",
            FailureKind.CONVERTER,
        )
    if "MemoryError" in tail or failed.code in (-9, 137):
        return error(
            f"There was not enough memory to convert {name}.",
            "Close other programs, or unload the model that runs.",
            FailureKind.OUT_OF_MEMORY,
        )
    last = _last_error(tail)
    said = f" It says: {last}" if last else ""
    return error(
        f"llama.cpp's converter could not convert {name}.{said}", "Look whether the folder is whole.",
        FailureKind.CONVERTER,
    )  # fmt: skip


def explain_packages(failed: ProcessFailed) -> EngineError:
    """What kept the converter's environment from being made."""
    tail = failed.tail
    if any(words in tail for words in _NO_ROOM):
        return EngineError(
            tr("The disk became full while the converter's packages were unpacked."),
            tr("Free some space on that disk."),
            detail=tail, kind=FailureKind.DISK_FULL,
        )  # fmt: skip
    if any(words in tail for words in _NO_NETWORK):
        return EngineError(
            tr("The index of Python packages cannot be reached."), tr("Check the network, then try again."),
            detail=tail, kind=FailureKind.NO_PACKAGES,
        )  # fmt: skip
    last = _last_error(tail)
    said = f" It says: {last}" if last else ""
    return EngineError(
        tr("pip could not get what the converter needs.{said}", said=said),
        tr("Check the network, then try again; another index for torch is named with --torch-index."),
        detail=tail,
        kind=FailureKind.NO_PACKAGES,
    )


def _last_error(tail: str) -> str:
    found = [one_line(match[0], 300) for match in _LAST_ERROR.finditer(tail)]
    return found[-1] if found else ""
