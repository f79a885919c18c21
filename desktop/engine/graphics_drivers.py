"""What a backend for graphics cards finds on this computer, looked up without loading any driver.

A trial of a backend holds for the drivers that were there (:func:`surroundings`), and one that comes with the engine is
not even opened where it can find nothing (:func:`why_no_vulkan`). Measured on two busy cores: opening llama.cpp's
Vulkan library takes 3 to 10 ms without any driver, 35 to 80 ms with Mesa's drivers and no card, the first time 300 ms.
Where the Vulkan loader looks: Khronos, Vulkan-Loader, "Driver interface to the Vulkan Loader", "Driver Discovery".
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

VISIBLE_DEVICES = "GGML_VK_VISIBLE_DEVICES"  # llama.cpp's: which devices, software ones too
_ONLY = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")  # in the place of all that is found; the second is the older name
_ADDED = "VK_ADD_DRIVER_FILES"
_FILTERS = ("VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE")
_NODES = ("dev/dri/renderD*", "dev/nvidia[0-9]*", "dev/dxg", "dev/kfd", "dev/mali*")  # dxg: in Windows' own Linux
_NVIDIA_VERSION = Path("sys/module/nvidia/version")
_FOLDER = Path("vulkan") / "icd.d"


def device_nodes(root: Path = Path("/")) -> list[str]:
    """How Linux shows graphics cards that can compute; none on other systems."""
    return sorted(str(node) for pattern in _NODES for node in root.glob(pattern))


def why_no_vulkan(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """Why a Vulkan library would find no device here, a sentence; "" where it may find one.

    Without a graphics card only a software device could be there, which nothing uses that is not told to.
    """
    if sys.platform != "linux":
        return ""
    if not device_nodes(root) and VISIBLE_DEVICES not in environment:
        return "This computer has no graphics card that can compute."
    if not driver_files(environment, root):
        return "No Vulkan driver is installed on this computer."
    return ""


def surroundings(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """What the verdict of a trial depends on beside the library and the engine; another text, another trial."""
    parts = [f"{name}={environment[name]}" for name in (VISIBLE_DEVICES, *_FILTERS) if name in environment]
    parts += device_nodes(root)
    for file in driver_files(environment, root):
        with suppress(OSError):
            info = file.stat()
            parts.append(f"{file}:{info.st_size}:{info.st_mtime_ns}")
    with suppress(OSError):
        parts.append((root / _NVIDIA_VERSION).read_text(encoding="utf-8", errors="replace"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def driver_files(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> list[Path]:
    """The files by which Vulkan drivers are found, in no order; Linux."""
    for name in _ONLY:
        if name in environment:  # set to nothing it means no driver at all
            return sorted(set(_files_at(environment[name])))
    found = [*_files_at(environment.get(_ADDED, ""))]
    found += [file for folder in _folders(environment, root) for file in folder.glob("*.json")]
    return sorted(set(found))


def _files_at(places: str) -> Iterator[Path]:
    for place in map(Path, filter(None, places.split(os.pathsep))):
        if place.is_dir():
            yield from place.glob("*.json")
        elif place.is_file():
            yield place


def _folders(environment: Mapping[str, str], root: Path) -> Iterator[Path]:
    home = Path(environment.get("HOME", "/nonexistent"))
    user = [
        environment.get("XDG_CONFIG_HOME") or home / ".config",
        environment.get("XDG_DATA_HOME") or home / ".local/share",
    ]
    system = [root / "etc", root / "usr/local/etc"]
    lists = {"XDG_CONFIG_DIRS": "etc/xdg", "XDG_DATA_DIRS": "usr/local/share:usr/share"}
    for name, usual in lists.items():
        set_here = environment.get(name, "").split(os.pathsep)
        system += [Path(folder) for folder in set_here if folder] or [root / folder for folder in usual.split(":")]
    for folder in (*user, *system):
        yield Path(folder) / _FOLDER
