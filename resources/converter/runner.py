"""Run by another Python than Heft's: does what it is told, ends with Heft, and lets no code of a model's folder run.

    python -I -B -c RUNNER module NAME ARGUMENTS...      as python -m
    python -I -B -c RUNNER convert SCRIPT ARGUMENTS...   llama.cpp's converter
    python -I -B -c RUNNER sizes URL...                  bytes of each, null where it is not told, as JSON
    python -I -B -c RUNNER reach URL                     whether anything answers there
    python -I -B -c RUNNER check NAME...                 whether these modules can be imported

Its standard input is a pipe whose end ends it. Uses the standard library only, of Python 3.10.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import ssl
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

STRANGE_CODE = "HEFT-STRANGE-CODE"  # in the log; desktop/engine/converter/cause.py knows it
ANSWER_SECONDS = 20.0


def end_with_heft() -> None:
    """Wait for the end of the pipe, in a thread of its own."""
    while os.read(0, 1):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    os._exit(3)


def refuse(*_words: Any, **_named: Any) -> Any:
    """In the place of what would import a file of the model's folder."""
    raise RuntimeError(f"{STRANGE_CODE}: the model asks to run Python code of its own folder")


def own_code_only(_trust: Any, _name: Any, has_local_code: bool, has_remote_code: bool, *_: Any, **_named: Any) -> bool:
    """In the place of transformers' resolve_trust_remote_code: its own class where it has one, else nothing."""
    if has_remote_code and not has_local_code:
        refuse()
    return False


def convert(script: str) -> None:
    """The converter says trust_remote_code=True when it reads a tokenizer; here nothing comes of it."""
    folder = str(Path(script).parent)
    sys.path[:0] = [folder, str(Path(folder, "gguf-py"))]
    dynamic: Any = importlib.import_module("transformers.dynamic_module_utils")
    held = {"resolve_trust_remote_code": own_code_only, "get_class_in_module": refuse}
    for name in (*held, "get_cached_module_file", "get_class_from_dynamic_module"):
        getattr(dynamic, name)  # a release without it would not be held back: better to end here
        setattr(dynamic, name, held.get(name, refuse))
    runpy.run_path(script, run_name="__main__")


def length_at(address: str) -> str | None:
    """What a server says of the length of what lies at an address. Raises OSError."""
    authorities = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or None
    asked = urllib.request.Request(address, method="HEAD")
    context = ssl.create_default_context(cafile=authorities)
    with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS, context=context) as answer:
        return str(answer.headers["Content-Length"])


def size_of(address: str) -> int | None:
    """Bytes of what lies at an address; None where nobody says."""
    try:
        if address.startswith("file:"):
            return Path(urllib.request.url2pathname(address.removeprefix("file://"))).stat().st_size
        return int(length_at(address) or "")
    except (OSError, ValueError):
        return None


def reach(address: str) -> None:
    """End in failure where nothing answers; a refusal is an answer."""
    try:
        length_at(address)
    except urllib.error.HTTPError:
        pass
    except OSError as error:
        raise SystemExit(f"{address} does not answer: {error}") from None


def main() -> None:
    """As the first argument says."""
    threading.Thread(target=end_with_heft, daemon=True).start()
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "module":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif what == "convert":
        sys.argv = rest
        convert(rest[0])
    elif what == "sizes":
        with ThreadPoolExecutor(8) as pool:
            sys.stdout.write(json.dumps(list(pool.map(size_of, rest))))
    elif what == "reach":
        reach(rest[0])
    else:
        for name in rest:
            importlib.import_module(name)


if __name__ == "__main__":
    main()
