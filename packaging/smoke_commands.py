"""The commands of an installed Heft, tried among libraries that must not be loaded."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linux_tree import VERSION
from smoke_desk import Desk
from smoke_installed import Installed
from smoke_screen import SmokeError

PORT, SERVE_SECONDS = 8399, 60.0
QUESTION = "What is the capital of France"
# C that would be run if the engine looked for its libraries where it should not
PLANTED = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }\n"
PLANTED_NAMES = (
    "libggml-cpu-zen9.so", "libggml-cpu.so", "libggml-vulkan.so", "libggml-cuda-13.so", "libggml-base.so.0",
    "libllama.so", "libllama.so.0", "libllama-server-impl.so", "libllama-common.so.0", "libmtmd.so.0",
)  # fmt: skip


def check_answer(
    installed: Installed, desk: Desk, model: str, cwd: str = "", options: Sequence[str] = (), **variables: str
) -> str:
    """One answer by the command ``run``; SmokeError without a text."""
    words = [*installed.command, "run", model, "--prompt", QUESTION, "--max-tokens", "8", *options, "--json"]
    answer = json.loads(desk.run(words, cwd, **variables))
    if not answer.get("text", "").strip():
        raise SmokeError(f"no text in the answer: {answer}")
    return str(answer["text"])


def check_version(installed: Installed, desk: Desk) -> None:
    """SmokeError for another version than this checkout's."""
    version = desk.run([*installed.command, "--version"])
    if version.strip() != f"heft {VERSION}":
        raise SmokeError(f"--version said {version!r}")


def check_commands(installed: Installed, desk: Desk, model: Path) -> str:
    """Version, engine, and answers, in a folder full of planted libraries and with a library path of the user's."""
    check_version(installed, desk)
    machine = json.loads(desk.run([*installed.command, "machine", "--json"]))
    variant = machine["engine"].get("cpu_variant", "")
    if not variant:
        raise SmokeError("the engine did not say which CPU variant it chose")
    plant(desk, "downloads")
    desk.give(model, "downloads/model.gguf")
    check_answer(installed, desk, "model.gguf", f"{desk.user.home}/downloads")
    check_answer(installed, desk, "starter", LD_LIBRARY_PATH="/usr/lib:/opt/some/libraries")
    check_serving(installed, desk)
    check_backends(installed, desk, machine)
    return f"engine for {variant}"


def check_serving(installed: Installed, desk: Desk) -> None:
    """Heft serves its starter, and is another server to itself: key, door, engine and endpoint."""
    heft = shlex.join(installed.command)
    server = desk.start(["sh", "-c", f"exec {heft} serve --port {PORT} >/dev/null 2>&1"])
    try:
        deadline = time.monotonic() + SERVE_SECONDS
        while (status := json.loads(desk.run([*installed.command, "serve", "status", "--json"])))["state"] != "on":
            if time.monotonic() > deadline or server.poll() is not None:
                raise SmokeError(f"heft serve did not come to serve: {status}")
            time.sleep(0.5)
        key = desk.run(["sh", "-c", f"{heft} serve key 2>/dev/null"]).strip()  # a bare system has no keyring, it says
        add = f"echo {key} | {heft} endpoints add {status['address']} --name self --key-stdin --json 2>/dev/null"
        added = json.loads(desk.run(["sh", "-c", add]))["endpoints"]
        name = status["models"][0]["name"]
        if not added or not added[0]["reachable"]:
            raise SmokeError(f"the server is not reached by its own address: {added}")
        check_answer(installed, desk, f"endpoint:self/{name}", HEFT_ENDPOINT_KEY_SELF=key)
        desk.run([*installed.command, "serve", "stop"])
        if server.wait(SERVE_SECONDS) != 0:
            raise SmokeError(f"heft serve ended with {server.returncode}")
    finally:
        server.kill()
    desk.run(["sh", "-c", f"{heft} endpoints remove self --json >/dev/null 2>&1"])


def check_backends(installed: Installed, desk: Desk, before: dict[str, Any]) -> None:
    """Backends of the user's that do not work are left out and named; the engine stays what it was."""
    folder = ".local/share/heft/backends"
    plant(desk, folder)
    desk.write(f"{folder}/libggml-broken.so", "\x7fELF and no more")
    now = json.loads(desk.run([*installed.command, "machine", "--json"]))
    names = [file.name for file in (desk.home / folder).glob("libggml-*.so")]
    silent = [name for name in names if not any(name in note for note in now["notes"])]
    if silent:
        raise SmokeError(f"nothing was said about the backends {silent}: {now['notes']}")
    if (now["engine"], now["gpus"]) != (before["engine"], before["gpus"]):
        raise SmokeError(f"backends that do not work changed the engine: {now['engine']}, {now['gpus']}")


def has_compiler() -> bool:
    """Whether libraries can be planted here."""
    return shutil.which("cc") is not None


def plant(desk: Desk, folder: str) -> None:
    """Libraries that abort whoever loads them, under the names that llama.cpp looks for."""
    (desk.home / folder).mkdir(parents=True, exist_ok=True)
    desk.own(folder)
    if not has_compiler():
        return
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(temporary) / "planted.so"
        command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
        subprocess.run(command, input=PLANTED, text=True, check=True)
        for name in PLANTED_NAMES:
            desk.give(library, f"{folder}/{name}")
