"""Compile the Windows installer around a payload folder.

    python packaging/make_windows_installer.py PAYLOAD ICONS TARGET.exe [--stand-in]

With ``--stand-in`` the payload is the folder of another system, whose program stands in for the Windows programs: the
script and the installer's structure are checked, the result runs nowhere.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from linux_tree import ROOT, VERSION

PROGRAMS = ("HeftWindow.exe", "heft.exe")
REQUIRED = (*PROGRAMS, "_internal", "heft.ico", "uninstall.exe")


def contents(installer: Path) -> set[str]:
    """First path parts of all files in the installer, as 7-Zip lists them."""
    listing = subprocess.run(["7z", "l", "-slt", installer], check=True, capture_output=True, text=True).stdout
    paths = [line.removeprefix("Path = ") for line in listing.splitlines() if line.startswith("Path = ")]
    return {path.replace("\\", "/").split("/")[0] for path in paths}


def build(payload: Path, icons: Path, target: Path, *, quick: bool) -> None:
    """Write ``target``; warnings of the compiler are errors. ``quick`` leaves the payload uncompressed."""
    definitions = {
        "VERSION": VERSION,
        "PAYLOAD": payload.resolve(),
        "ICON": (icons / "heft.ico").resolve(),
        "TARGET": target.resolve(),
    }
    script = ROOT / "packaging" / "windows" / "heft.nsi"
    options = [f"-D{name}={value}" for name, value in definitions.items()]
    subprocess.run(["makensis", "-WX", "-V2", *options, *(["-DSTAND_IN"] if quick else []), script], check=True)


def stand_in(payload: Path, folder: Path) -> Path:
    """``payload`` again in ``folder``, of hard links, with the Windows programs' names."""
    copy = folder / "payload"
    shutil.copytree(payload, copy, copy_function=os.link, symlinks=True)
    for name in PROGRAMS:
        os.link(payload / "heft", copy / name)
    (copy / "heft").unlink()
    return copy


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make the Windows installer.")
    parser.add_argument("payload", type=Path)
    parser.add_argument("icons", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--stand-in", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.target.parent) as temporary:
        payload = stand_in(args.payload, Path(temporary)) if args.stand_in else args.payload
        build(payload, args.icons, args.target, quick=args.stand_in)
    missing = [name for name in REQUIRED if name not in contents(args.target)]
    if missing:
        raise SystemExit(f"The installer lacks: {', '.join(missing)}")


if __name__ == "__main__":
    main()
