"""Prove artefacts as a user meets them: install, open a model by double-click, chat, quit, uninstall.

    python3 packaging/smoke.py [--model FILE.gguf] ARTEFACT...      .deb and .AppImage files

Each runs with a home, a screen and a runtime folder of its own, and nothing of the checkout in its environment: what
works here works without ``.venv``. Any line of output that is not expected fails the run. As root a Debian package is
installed with dpkg, else it is unpacked beside the system. Pictures of the screen are left in build/smoke. Uses the
standard library, Xvfb, xdotool and gio.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from linux_tree import STARTER, VERSION
from smoke_installed import Installed, install
from smoke_screen import Desk, SmokeError, poll

ROOT = Path(__file__).resolve().parent.parent
FREEZE_LOG = ROOT / "build" / "freeze.log"
PICTURES = ROOT / "build" / "smoke"
QUESTION = "What is the capital of France"
ANSWER_SECONDS = 180.0
ENOUGH_SECONDS = 20.0  # of an answer, before it is stopped
# C that would be run if the engine looked for its libraries where it should not
PLANTED = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }\n"
FORBIDDEN_VARIABLES = ("LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH")


def main() -> int:
    """A line for each artefact; 1 when any of them failed."""
    parser = argparse.ArgumentParser(description="Prove what packaging/build.sh made.")
    parser.add_argument("artefacts", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, default=None, help="the starter model; by default the bundle's")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever stops this finds nothing of it installed
    model = args.model or next((ROOT / "build" / "bundle" / "heft" / "_internal" / STARTER).glob("*.gguf"))
    if FREEZE_LOG.exists() and "Library not found" in FREEZE_LOG.read_text(encoding="utf-8", errors="replace"):
        raise SystemExit(f"A library was missing when this was frozen: {FREEZE_LOG}")
    failed = False
    for artefact in args.artefacts:
        with tempfile.TemporaryDirectory(prefix="heft-smoke-", ignore_cleanup_errors=True) as folder:
            try:
                told = prove(artefact.resolve(), model.resolve(), Path(folder))
            except SmokeError as failure:
                failed, told = True, f"FAILED: {failure}"
        print(f"{artefact.name}: {told}", flush=True)
    return int(failed)


def prove(artefact: Path, model: Path, folder: Path) -> str:
    """All steps for one artefact; what was seen, in a line. Raises SmokeError."""
    with Desk(folder) as desk:
        installed = install(artefact, desk)
        try:
            seen = [check_commands(installed, desk, model), check_window(desk, model, PICTURES / artefact.stem)]
        except SmokeError:
            desk.picture(PICTURES / artefact.stem / "failed.png")
            raise
        finally:
            desk.end_all()
            installed.remove()
        check_nothing_left(installed, desk)
    return ", ".join(seen)


def check_commands(installed: Installed, desk: Desk, model: Path) -> str:
    """Version, engine, and an answer, started in a folder full of planted libraries."""
    version = desk.run([*installed.command, "--version"])
    if version.strip() != f"heft {VERSION}":
        raise SmokeError(f"--version said {version!r}")
    machine = json.loads(desk.run([*installed.command, "machine", "--json"]))
    variant = machine["engine"].get("cpu_variant", "")
    if not variant:
        raise SmokeError("the engine did not say which CPU variant it chose")
    planted = desk.folder / "downloads"
    plant(planted)
    shutil.copyfile(model, planted / "model.gguf")
    words = ["run", "model.gguf", "--prompt", QUESTION, "--max-tokens", "8", "--json"]
    answer = json.loads(desk.run([*installed.command, *words], cwd=planted))
    if not answer.get("text", "").strip():
        raise SmokeError(f"no text in the answer: {answer}")
    check_backends(installed, desk, machine)
    return f"engine for {variant}"


def check_backends(installed: Installed, desk: Desk, before: dict[str, Any]) -> None:
    """Backends of the user's that do not work are left out and named; the engine stays what it was."""
    folder = desk.home / ".local/share/heft/backends"
    plant(folder)
    (folder / "libggml-broken.so").write_bytes(b"\x7fELF and no more")
    now = json.loads(desk.run([*installed.command, "machine", "--json"]))
    silent = [file.name for file in folder.glob("libggml-*.so") if not any(file.name in note for note in now["notes"])]
    if silent:
        raise SmokeError(f"nothing was said about the backends {silent}: {now['notes']}")
    if (now["engine"], now["gpus"]) != (before["engine"], before["gpus"]):
        raise SmokeError(f"backends that do not work changed the engine: {now['engine']}, {now['gpus']}")


def plant(folder: Path) -> None:
    """Libraries that abort whoever loads them, under the names that llama.cpp looks for."""
    folder.mkdir(parents=True)
    compiler = shutil.which("cc")
    if compiler is None:
        return
    first = folder / "libggml-cpu-zen9.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", first], input=PLANTED, text=True, check=True)
    for name in ("libggml-cpu.so", "libggml-vulkan.so", "libggml-cuda-13.so", "libggml-base.so.0", "libllama.so"):
        shutil.copyfile(first, folder / name)


def check_window(desk: Desk, model: Path, pictures: Path) -> str:
    """Double-click, answer, a second double-click while it runs, the pages on what it is, another program, quit."""
    # no ending: the desktop must know it by its first bytes
    first, second = desk.home / "a model", desk.home / "Größe & Maß.gguf"
    for copy in (first, second):
        shutil.copyfile(model, copy)
        desk.given.append(copy)
        kind = desk.run(["gio", "info", "-a", "standard::content-type", str(copy)])
        if "application/x-gguf" not in kind:
            raise SmokeError(f"{copy.name} is not known as a GGUF file: {kind}")
    if "heft.desktop" not in desk.run(["gio", "mime", "application/x-gguf"]).splitlines()[0]:
        raise SmokeError("Heft is not the program for GGUF files")
    begun = time.monotonic()
    desk.open(first)
    desk.wait_for_output("heft-ready")
    ready = time.monotonic() - begun
    poll(lambda: desk.last_model() == str(first), ANSWER_SECONDS, "the model opened by double-click is loaded")
    desk.focus()
    desk.type(QUESTION)
    answer = wait_for_answer(desk)
    desk.picture(pictures / "answer.png")
    resident = desk.resident_bytes()
    windows = desk.windows()
    desk.open(second)
    poll(lambda: desk.last_model() == str(second), ANSWER_SECONDS, "the first instance loads the second file")
    poll(lambda: desk.windows() == windows, 20, "the second start ended")
    check_other_programs(desk)
    desk.key("ctrl+5")
    desk.picture(pictures / "machine.png")
    desk.choose_from_settings_menu(from_below=1)
    desk.picture(pictures / "about.png")
    desk.close_dialog("About Heft")
    desk.key("ctrl+q")
    poll(lambda: not desk.processes(), 30, "the program ended, and its engine with it")
    desk.check_output()
    return f"window after {ready:.1f} s with {resident / 1e6:.0f} MB, answered {answer.strip()[:40]!r}"


def wait_for_answer(desk: Desk) -> str:
    """The answer to what was typed. So small a model may talk without end: then it is stopped, as one would do."""
    ended = ("complete", "context-full", "stopped")
    poll(lambda: desk.answers("streaming", *ended), ANSWER_SECONDS, "an answer begins")
    with contextlib.suppress(SmokeError):
        return poll(lambda: desk.answers(*ended), ENOUGH_SECONDS, "the answer ends by itself")[0]
    desk.key("Escape")
    return poll(lambda: desk.answers(*ended), ANSWER_SECONDS, "the answer was stopped")[0]


def check_other_programs(desk: Desk) -> None:
    """A program that Heft starts (here the one for folders) must not meet Heft's own libraries."""
    desk.choose_from_settings_menu(from_below=2)  # open the log folder
    environment = poll(desk.other_program, 30, "the folder of the logs is opened")
    told = [line for line in environment.splitlines() if line.startswith(FORBIDDEN_VARIABLES)]
    if told:
        raise SmokeError(f"other programs are started with {told}")


def check_nothing_left(installed: Installed, desk: Desk) -> None:
    """After the removal there are the user's data and nothing else."""
    left = [str(path) for path in installed.files if path.exists() or path.is_symlink()]
    if left:
        raise SmokeError(f"left after the removal: {left[:5]}")
    own = {desk.home / name for name in (".local/share/heft", ".cache/heft")}
    allowed = own | {parent for place in own for parent in place.parents} | set(desk.given)
    strange = [path for path in desk.left_files() if not allowed.intersection((path, *path.parents))]
    if strange:
        raise SmokeError(f"left in the home folder: {[str(path) for path in strange[:5]]}")


if __name__ == "__main__":
    sys.exit(main())
