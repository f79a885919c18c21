"""Wrap the frozen program into a Debian package.

    python packaging/make_deb.py BUNDLE ICONS TARGET.deb [--without-starter]

The program lies in /usr/lib/heft with one link in /usr/bin. It depends on what its libraries are seen to need of the
system. Nothing runs at installation: dpkg's own triggers refresh the caches of desktop files, MIME types and icons.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from check_libraries import dependencies
from library_search import Tree
from linux_tree import VERSION, architecture, install_desktop_files, install_documents, install_program

RECOMMENDS = "desktop-file-utils, shared-mime-info, xdg-utils, fonts-dejavu-core | fonts-noto-core | fonts-liberation"
CONTROL = """\
Package: heft
Version: {version}
Architecture: {architecture}
Maintainer: The Heft authors <heft@localhost>
Installed-Size: {kilobytes}
Depends: {depends}
Recommends: {recommends}
Section: science
Priority: optional
Description: run language models on your own computer
 Heft weighs a model before you carry it home: it knows this machine, reads a
 model's header on the Hub without downloading it, says which quantization
 fits, how fast it will be and what it costs in quality, and runs it locally.
"""


def checksums(root: Path) -> str:
    """The file md5sums of a package: what "dpkg --verify" compares the installed files with."""
    files = sorted(path for path in (root / "usr").rglob("*") if path.is_file() and not path.is_symlink())
    lines = (f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files)
    return "".join(lines)


def build(bundle: Path, icons: Path, target: Path, *, starter: bool) -> None:
    """Write ``target`` from the frozen folder ``bundle``."""
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        root = Path(temporary) / "root"
        install_program(root / "usr", bundle, starter=starter)
        install_desktop_files(root / "usr", icons)
        install_documents(root / "usr")
        (root / "usr" / "bin").mkdir()
        (root / "usr" / "bin" / "heft").symlink_to("../lib/heft/heft")
        kilobytes = sum(p.lstat().st_size for p in root.rglob("*") if p.is_file()) // 1024
        control = root / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(
            CONTROL.format(
                version=VERSION,
                architecture=architecture("debian"),
                kilobytes=kilobytes,
                depends=dependencies(Tree(bundle)),
                recommends=RECOMMENDS,
            )
        )
        (control.parent / "md5sums").write_text(checksums(root))
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        # xz at its default: more takes minutes for a percent, since most of it is the model
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, target], check=True, stdout=subprocess.DEVNULL
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Make a Debian package.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("icons", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--without-starter", action="store_true")
    args = parser.parse_args()
    build(args.bundle, args.icons, args.target, starter=not args.without_starter)


if __name__ == "__main__":
    main()
