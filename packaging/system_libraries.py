"""The libraries that the packages of Heft take from the system, and what the promised systems have of them.

Everything else is in the bundle. These stay out because two copies of them would not agree: the C and C++ libraries,
what a graphics driver shares with the program, and zlib, which the starter loads before anything of the bundle. What
is only loaded where it happens to be (a GPU's driver, libXcursor) is not counted on.

Sources. Debian 12: apt-cache and the libraries themselves; tests/packaging holds the table against them wherever it
runs on one of these systems. Ubuntu: the release pockets of jammy and noble as their publishers list them, not fetched
from here. glibc: its version is its newest symbol's. GLIBCXX, CXXABI: gcc.gnu.org, libstdc++ manual, ABI policy. GCC:
libgcc/libgcc-std.ver.in of that release. ZLIB: zlib.map of that release.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

Version = tuple[int, ...]

PACKAGES = {
    "ld-linux-x86-64.so.2": "libc6",
    "ld-linux-aarch64.so.1": "libc6",
    "libc.so.6": "libc6",
    "libm.so.6": "libc6",
    "libdl.so.2": "libc6",
    "libpthread.so.0": "libc6",
    "librt.so.1": "libc6",
    "libutil.so.1": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
    "libexpat.so.1": "libexpat1",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxcb.so.1": "libxcb1",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}
# Files of the system that a bundled library reads, by the package that this library's own would have brought.
DATA = {
    "libfontconfig.so.1": "fontconfig-config",  # it brings a font, too
    "libX11.so.6": "libx11-data",
    "libxkbcommon.so.0": "xkb-data",
}
_GCC_OF = {29: 11, 30: 12, 31: 13, 32: 13, 33: 14}  # the release that brought GLIBCXX_3.4.n


@dataclass(frozen=True)
class System:
    """``newest``: the newest version of each family of symbols; ``versions``: of the packages, when it was released."""

    name: str
    newest: dict[str, Version]
    versions: dict[str, str]


SYSTEMS = (
    System(
        "Debian 12",
        {"GLIBC": (2, 36), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0), "ZLIB": (1, 2, 12)},
        {
            "libc6": "2.36-9",
            "libgcc-s1": "12.2.0-14",
            "libstdc++6": "12.2.0-14",
            "zlib1g": "1:1.2.13.dfsg-1",
            "libexpat1": "2.5.0-1",
            "libgl1": "1.6.0-1",
            "libegl1": "1.6.0-1",
            "libxcb1": "1.15-1",
            "libwayland-client0": "1.21.0-1",
            "libwayland-cursor0": "1.21.0-1",
        },
    ),
    System(
        "Ubuntu 22.04",
        {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0), "ZLIB": (1, 2, 9)},
        {
            "libc6": "2.35-0ubuntu3",
            "libgcc-s1": "12-20220319-1ubuntu1",
            "libstdc++6": "12-20220319-1ubuntu1",
            "zlib1g": "1:1.2.11.dfsg-2ubuntu9",
            "libexpat1": "2.4.7-1",
            "libgl1": "1.4.0-1",
            "libegl1": "1.4.0-1",
            "libxcb1": "1.14-3ubuntu3",
            "libwayland-client0": "1.20.0-1",
            "libwayland-cursor0": "1.20.0-1",
        },
    ),
    System(
        "Ubuntu 24.04",
        {"GLIBC": (2, 39), "GLIBCXX": (3, 4, 33), "CXXABI": (1, 3, 15), "GCC": (14, 0, 0), "ZLIB": (1, 2, 12)},
        {
            "libc6": "2.39-0ubuntu8",
            "libgcc-s1": "14-20240412-0ubuntu1",
            "libstdc++6": "14-20240412-0ubuntu1",
            "zlib1g": "1:1.3.dfsg-3.1ubuntu2",
            "libexpat1": "2.6.1-2build1",
            "libgl1": "1.7.0-1build1",
            "libegl1": "1.7.0-1build1",
            "libxcb1": "1.15-1ubuntu2",
            "libwayland-client0": "1.22.0-2.1build1",
            "libwayland-cursor0": "1.22.0-2.1build1",
        },
    ),
)


def symbol_version(name: str) -> tuple[str, Version]:
    """Family and number of a symbol version: "GLIBC_2.35" is ("GLIBC", (2, 35)). No number for GLIBC_PRIVATE."""
    found = re.fullmatch(r"([A-Z0-9]+)_(\d+(?:\.\d+)*)", name)
    return (found[1], tuple(map(int, found[2].split(".")))) if found else (name, ())


def dependency(package: str, newest: dict[str, Version]) -> str:
    """Debian's words for ``package``, with the version that has all symbols of ``newest``."""
    if package == "libc6" and "GLIBC" in newest:
        return f"libc6 (>= {newest['GLIBC'][0]}.{newest['GLIBC'][1]})"
    if package == "libstdc++6" and newest.get("GLIBCXX", ())[2:] and newest["GLIBCXX"][2] in _GCC_OF:
        return f"libstdc++6 (>= {_GCC_OF[newest['GLIBCXX'][2]]})"
    if package == "zlib1g" and "ZLIB" in newest:
        return f"zlib1g (>= 1:{'.'.join(map(str, newest['ZLIB']))})"
    return package


def declared_packages(depends: str) -> dict[str, str]:
    """Package and least version ("" for any) of each entry of a Depends field that has no alternatives."""
    entries = (re.fullmatch(r"([\w.+-]+)(?: \(>= ([^)]+)\))?", entry.strip()) for entry in depends.split(","))
    return {entry[1]: entry[2] or "" for entry in entries if entry}


def is_at_least(version: str, least: str) -> bool:
    """Whether a package's version satisfies ">= ``least``", by dpkg's rules."""
    return subprocess.run(["dpkg", "--compare-versions", version, "ge", least], check=False).returncode == 0
