"""llama.cpp's own llama-bench on the very libraries that Heft runs: compiled once, of the engine's own sources."""

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

_WANTED = ("ggml/include", "include", "common", "vendor/nlohmann", "tools/llama-bench")
_LIBRARIES = ("llama-common", "llama", "ggml", "ggml-base")


def llama_bench(cache: Path) -> Path:
    """The program, from the folder ``cache`` or compiled now (a minute). Raises CalledProcessError."""
    libraries = engine_package() / "lib"
    key = f"{Recipe(engine_version()).key}-{(libraries / 'libllama.so').stat().st_mtime_ns:x}"
    program = cache / "llama-bench" / key
    if program.exists():
        return program
    sources = Builder(cache, Recipe(engine_version())).sources()
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as name:
        root = Path(name)
        _unpack(sources, root)
        here = root / "tools" / "llama-bench"
        includes = [f"-I{root / folder}" for folder in ("ggml/include", "include", "common", "vendor")]
        linked = [f"-l{library}" for library in _LIBRARIES]
        command = ["c++", "-O2", "-std=c++17", *includes, *map(str, sorted(here.glob("*.cpp")))]
        command += ["-o", str(root / "llama-bench"), f"-L{libraries}", f"-Wl,-rpath,{libraries}", *linked, "-lpthread"]
        subprocess.run(command, check=True)
        shutil.move(root / "llama-bench", program)
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


def _unpack(sources: Path, root: Path) -> None:
    with tarfile.open(sources) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            content = archive.extractfile(member) if member.isfile() else None
            inside = "/".join(parts[3:])
            if content is None or parts[1:3] != ("vendor", "llama.cpp") or not inside.startswith(_WANTED):
                continue
            file = root / inside
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())
