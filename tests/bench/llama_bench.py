"""llama.cpp's own programs on the very libraries that Heft runs: each compiled once, of the engine's own sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from desktop.engine.backends import engine_package
from desktop.engine.builder.compiling import Builder
from desktop.engine.builder.recipe import Recipe
from desktop.engine.server.program import engine_version

_WANTED = ("ggml/include", "include", "common", "src", "vendor/nlohmann")
_INCLUDED = ("ggml/include", "include", "common", "src", "vendor")
_LIBRARIES = ("llama-common", "llama", "ggml", "ggml-base")
_FOLDERS = {"llama-bench": "llama-bench", "llama-quantize": "quantize", "llama-perplexity": "perplexity"}  # of tools


def llama_bench(cache: Path) -> Path:
    """As :func:`stock_tool`."""
    return stock_tool("llama-bench", cache)


def stock_tool(name: str, cache: Path) -> Path:
    """A program by its name, from the folder ``cache`` or compiled now (a minute). Raises CalledProcessError."""
    libraries = engine_package() / "lib"
    key = f"{Recipe(engine_version()).key}-{(libraries / 'libllama.so').stat().st_mtime_ns:x}"
    program = cache / name / key
    if program.exists():
        return program
    sources = Builder(cache, Recipe(engine_version())).sources()
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        root = Path(folder)
        wanted = f"tools/{_FOLDERS[name]}"
        _unpack(sources, root, (*_WANTED, wanted))
        includes = [f"-I{root / one}" for one in _INCLUDED]
        linked = [f"-l{library}" for library in _LIBRARIES]
        command = ["c++", "-O2", "-std=c++17", *includes, *map(str, sorted((root / wanted).glob("*.cpp")))]
        command += ["-o", str(root / name), f"-L{libraries}", f"-Wl,-rpath,{libraries}", *linked, "-lpthread"]
        subprocess.run(command, check=True)
        shutil.move(root / name, program)
    return program


def written_per_second(program: Path, model: Path, device: str, tokens: int, threads: int, library: Path) -> float:
    """Tokens per second that llama-bench writes with all layers on a device of the backend ``library``."""
    command = [
        str(program), "--model", str(model), "--n-prompt", "0", "--n-gen", str(tokens), "--n-gpu-layers", "999",
        "--device", device, "--threads", str(threads), "--flash-attn", "auto", "--repetitions", "1", "--output", "json",
    ]  # fmt: skip
    environment = {**os.environ, "GGML_BACKEND_PATH": str(library)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    (row,) = json.loads(done.stdout)
    found: dict[str, Any] = row
    assert device in str(found["devices"]), found["devices"]
    return float(found["avg_ts"])


def _unpack(sources: Path, root: Path, wanted: tuple[str, ...]) -> None:
    with tarfile.open(sources) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            content = archive.extractfile(member) if member.isfile() else None
            inside = "/".join(parts[3:])
            if content is None or parts[1:3] != ("vendor", "llama.cpp") or not inside.startswith(wanted):
                continue
            file = root / inside
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())
