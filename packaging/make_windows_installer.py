"""Compile the Windows installer around a payload folder; here the Linux folder may stand in, to check the script.

    python packaging/make_windows_installer.py PAYLOAD ICONS TARGET.exe
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from linux_tree import ROOT, VERSION

REQUIRED = ("HeftWindow.exe", "heft.exe", "_internal", "heft.ico", "uninstall.exe")


def contents(installer: Path) -> set[str]:
    """First path parts of all files in the installer, as 7-Zip lists them."""
    listing = subprocess.run(["7z", "l", "-slt", installer], check=True, capture_output=True, text=True).stdout
    paths = [line.removeprefix("Path = ") for line in listing.splitlines() if line.startswith("Path = ")]
    return {path.replace("\\", "/").split("/")[0] for path in paths}


def build(payload: Path, icons: Path, target: Path) -> None:
    """Write ``target``; warnings of the compiler are errors."""
    definitions = {
        "VERSION": VERSION,
        "PAYLOAD": payload.resolve(),
        "ICON": (icons / "heft.ico").resolve(),
        "TARGET": target.resolve(),
    }
    script = ROOT / "packaging" / "windows" / "heft.nsi"
    command = ["makensis", "-WX", "-V2", *(f"-D{name}={value}" for name, value in definitions.items()), str(script)]
    subprocess.run(command, check=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the Windows installer.")
    parser.add_argument("payload", type=Path)
    parser.add_argument("icons", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    build(args.payload, args.icons, args.target)
    missing = [name for name in REQUIRED if name not in contents(args.target)]
    if missing:
        raise SystemExit(f"The installer lacks: {', '.join(missing)}")


if __name__ == "__main__":
    main()
