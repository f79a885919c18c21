"""Packs what tests/device/check.py needs on a machine with a graphics card where nothing can be fetched.

    python tests/device/pack.py [--python 3.12]

puts into build/device: the engine of packages with its Vulkan backend and loader, ggml's sources for CUDA's, a
vocabulary for the forged models, and the wheels of Heft's dependencies for that Python, without the window's. Under
60 MB; check.sh unpacks it there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "device"
VOCABULARY = "ggml-vocab-llama-spm.gguf"
MOST_BYTES = 60_000_000  # what may travel
# Large, and not needed: that machine has numpy (--numpy brings it), nothing is encrypted there and nothing transferred.
LEFT_OUT = ("cryptography", "hf_xet")
# Those of pyproject.toml that the commands of the check import; the window's and the Hub's transfers are not needed.
PACKAGES = (
    "diskcache", "filelock", "gguf", "httpx2", "huggingface_hub", "jinja2", "keyring", "markdown-it-py", "msgspec",
    "numpy", "nvidia-ml-py", "platformdirs", "psutil", "pygments", "send2trash", "starlette", "typing_extensions",
    "uvicorn",
)  # fmt: skip


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", metavar="X.Y", help="Python of that machine")
    parser.add_argument("--numpy", action="store_true", help="bring numpy, too, where that machine has none")
    given = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    wheels = OUT / "wheels"
    wheels.mkdir(parents=True)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "-d", wheels,
            "-c", ROOT / "constraints.txt", "--only-binary", ":all:", "--python-version", given.python, *PACKAGES,
        ],
        check=True,
    )  # fmt: skip
    for name in (*LEFT_OUT, *(() if given.numpy else ("numpy",))):
        for wheel in wheels.glob(f"{name}-*"):
            wheel.unlink()
    shutil.copy(_built("--portable"), wheels)
    _pack_backend(Path(_built("--vulkan")).parent)
    pack_sources(Path(_built("--sdist")), OUT)
    models = Path.home() / ".cache" / "heft" / "test-data" / "models"
    shutil.copy(models / VOCABULARY, OUT)
    size = sum(file.stat().st_size for file in OUT.rglob("*") if file.is_file())
    print(f"{OUT.relative_to(ROOT)}: {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        sys.exit(f"That is more than {MOST_BYTES / 1e6:.0f} MB, which is all that may travel.")


def _built(which: str) -> str:
    """The path of a part of the engine, out of the cache or built now."""
    command = [sys.executable, str(ROOT / "packaging" / "build_engine.py"), which]
    return subprocess.check_output(command, text=True).strip().splitlines()[-1]


def pack_sources(sdist: Path, into: Path) -> None:
    """All that a backend is compiled of, under the name and in the folders of the whole archive."""
    with tarfile.open(sdist) as whole, tarfile.open(into / sdist.name, "w:gz") as part:
        for member in whole:
            if member.isfile() and member.name.split("/", 1)[1].startswith("vendor/llama.cpp/ggml/"):
                part.addfile(member, whole.extractfile(member))


def _pack_backend(folder: Path) -> None:
    with zipfile.ZipFile(OUT / "vulkan.zip", "w", zipfile.ZIP_LZMA) as packed:
        for file in sorted(folder.iterdir()):
            packed.write(file, file.name)


if __name__ == "__main__":
    main()
