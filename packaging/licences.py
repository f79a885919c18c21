"""Gather the licences of everything a bundle holds into one folder, with an index.

    python packaging/licences.py PYTHON WORK FOLDER

PYTHON is that of the environment the bundle was made from, WORK the folder PyInstaller worked in (it says which files
went in), FOLDER the target. Fails when a part of the bundle states no licence or brings no text of it.
"""

from __future__ import annotations

import ast
import csv
import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from textwrap import dedent
from typing import Any

from build_engine import fetch_sdist, pinned_version
from build_web_page import LICENCES

from desktop.engine.builder.vulkan import COPYRIGHT
from desktop.engine.builder.vulkan import NOTES as MADE_WITH

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "packaging" / "licences"  # texts that the packages leave out
ENGINE_PARTS = ROOT / "resources" / "data" / "engine_parts.csv"  # what is linked into llama.cpp; About has it too
LIST = """
import json, sys, importlib.metadata as m
bundled = set(json.load(sys.stdin))
out = []
for d in m.distributions():
    files = {str(f): str(d.locate_file(f).resolve()) for f in d.files or ()}
    if not bundled.intersection(files.values()):
        continue
    meta = d.metadata
    texts = [p for f, p in files.items() if ".dist-info/licenses/" in f or "dist-info" in f
             and f.rsplit("/")[-1].lower().split(".")[0].startswith(("license", "licence", "copying", "notice"))]
    said = meta.get("License-Expression") or next(
        (c.split(" :: ")[-1] for c in meta.get_all("Classifier") or () if c.startswith("License ::")),
        (meta.get("License") or "").split("\\n")[0])
    out.append({"name": meta["Name"], "version": d.version, "licence": said, "texts": texts})
print(json.dumps(out))
"""


@dataclass(frozen=True)
class Component:
    """One third-party part: what it is, under which licence, and what there is to say about it."""

    name: str
    version: str
    licence: str
    note: str = ""


QT_NOTE = "used unchanged under the LGPL 3; its libraries are files of their own beside the program and may be replaced"
NOTES = {
    "PySide6_Essentials": QT_NOTE,
    "shiboken6": QT_NOTE,
    "ziamath": "with the font STIX Two Math, under the OFL 1.1",
    "pypdfium2": "with PDFium, under the BSD-3-Clause and the Apache-2.0, and the libraries in it",
    "pyinstaller": "its start program, under the exception that allows it in programs of any licence",
}
SAID = {
    "pypdfium2": "Apache-2.0 OR BSD-3-Clause",  # its field also names what is in PDFium
    "pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception",  # its classifier knows no exceptions
    "liblz4-1": "BSD-2-clause",  # its tools, which are not here, are under another licence
}
SPDX = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# What is in the Vulkan backend by the package of Debian's that it came in (desktop/engine/builder/vulkan.py)
GRAPHICS_PARTS = {
    "libvulkan1": ("Vulkan-Loader", "Apache-2.0", "with Vulkan-Headers; used where the system has no Vulkan loader"),
    "spirv-headers": ("SPIRV-Headers", "MIT", "in the Vulkan backend of llama.cpp"),
}
BOX = "import importlib.util as u; print(u.find_spec('llama_cpp').submodule_search_locations[0] + '/lib/further')"
PAGE = "import importlib.util as u; print(u.find_spec('llama_cpp').submodule_search_locations[0] + '/lib/web-page')"
PAGE_NAME = "llama.cpp web page"
COMMON = Path("/usr/share/common-licenses")  # where Debian keeps the texts that its copyright files only name
SYSTEM_NOTE = "a library of the system this was built on"
# Packages that bring no text: by name, the texts that apply. That of nvidia-ml-py heads its source file.
TEXTS: dict[str, tuple[Path, ...]] = {
    "PySide6_Essentials": (OWN / "LGPL-3.txt", OWN / "GPL-3.txt"),
    "shiboken6": (OWN / "LGPL-3.txt", OWN / "GPL-3.txt"),
    "latex2mathml": (OWN / "latex2mathml-MIT.txt",),
}
BESIDE = {"ziamath": (OWN / "STIX-Two-OFL-1.1.txt",)}  # texts of what packages bring that are not theirs


def bundled_files(work: Path) -> dict[str, str]:
    """Place in the bundle by file on this computer, as PyInstaller's tables of contents have them."""
    files: dict[str, str] = {}
    for table in ("COLLECT-00.toc", "PYZ-00.toc"):
        document: Any = ast.literal_eval((work / table).read_text(encoding="utf-8"))
        entries = document[0] if table.startswith("COLLECT") else document[1]
        files.update({str(Path(file).resolve()): place for place, file, *_ in entries if file})
    return files


def python_packages(python: str, bundled: dict[str, str], folder: Path) -> list[Component]:
    """The Python distributions of which any file is in the bundle; their texts go below ``folder``."""
    files = json.dumps(list(bundled))
    listing = subprocess.run([python, "-c", LIST], check=True, stdout=subprocess.PIPE, text=True, input=files)
    parts = []
    for found in json.loads(listing.stdout):
        name = found["name"]
        texts = [Path(text) for text in found["texts"]] or list(TEXTS.get(name, ()))
        texts += BESIDE.get(name, ())
        if not found["licence"]:
            raise SystemExit(f"{name} {found['version']} states no licence.")
        if name == "nvidia-ml-py":
            source = next(Path(file) for file in bundled if Path(file).name == "pynvml.py")
            keep_text(folder / name, passage(source.read_text(encoding="utf-8"), "Copyright"))
        elif texts:
            keep(folder / name, texts)
        else:
            raise SystemExit(f"{name} brings no text of its licence: name one in packaging/licences.py.")
        said = SAID.get(name) or SPDX.get(found["licence"], found["licence"])
        parts.append(Component(name, found["version"], said, NOTES.get(name, "")))
    return parts


def system_libraries(bundled: dict[str, str], folder: Path) -> list[Component]:
    """Debian's packages of which a library is in the bundle, with their copyright files; none on other systems."""
    if shutil.which("dpkg-query") is None:
        return []
    places = [file for file in bundled if file.startswith(("/usr/lib/", "/lib/"))]
    spelled = [spelling for file in places for spelling in (file, file.removeprefix("/usr"))]
    found = subprocess.run(["dpkg-query", "--search", *spelled], check=False, capture_output=True, text=True).stdout
    names = {line.split(":")[0] for line in found.splitlines() if ": /" in line}
    parts = []
    for name in sorted(names):
        text = Path("/usr/share/doc") / name / "copyright"
        keep(folder / f"debian-{name}", [text.resolve()])
        words = text.read_text(encoding="utf-8", errors="replace")
        for named in common_licences(words):
            if not (folder / "common-licenses" / named.name).exists():
                keep(folder / "common-licenses", [named])
        shown = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version}", name], check=True, capture_output=True, text=True
        )
        parts.append(Component(name, shown.stdout, SAID.get(name) or main_licence(words), SYSTEM_NOTE))
    return parts


def main_licence(words: str) -> str:
    """What Debian's copyright file says of the package as a whole; not all are written for machines."""
    whole = next((part for part in re.split(r"\n\s*\n", words) if re.match(r"Files:\s*\*\s*$", part, re.M)), "")
    said = re.search(r"^License:[ \t]*(\S.*)$", whole, re.M)
    return said[1].strip() if said else "see its copyright file"


def parts_of_qt(version: str, folder: Path) -> list[Component]:
    """Qt itself and what is inside its libraries; PySide6's package is silent about both."""
    keep(folder / "Qt", [OWN / "LGPL-3.txt", OWN / "GPL-3.txt", OWN / "Qt-third-party.txt"])
    with (OWN / "qt-parts.csv").open(encoding="utf-8", newline="") as file:
        inside = [(row["name"], row["licence"]) for row in csv.DictReader(file)]
    parts = [Component(name, f"as in Qt {version}", licence, "a part of Qt") for name, licence in inside]
    return [Component("Qt", version, "LGPL-3.0-only", QT_NOTE), *parts]


def others(folder: Path) -> list[Component]:
    """What is no package of Python's or Debian's: Python itself, llama.cpp with its parts, the starter model."""
    homes = (Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix))  # the second on Windows
    keep(folder / "Python", [next(home / "LICENSE.txt" for home in homes if (home / "LICENSE.txt").is_file())])
    engine = f"as in llama-cpp-python {pinned_version()}"
    with ENGINE_PARTS.open(encoding="utf-8", newline="") as file:
        parts = list(csv.DictReader(file))
    with tarfile.open(fetch_sdist(pinned_version())) as sources:
        for row in parts:
            keep_text(folder / row["name"], passage(member(sources, f"vendor/llama.cpp/{row['file']}"), row["begins"]))
    keep(folder / "SmolLM2-135M-Instruct", [ROOT / "LICENSE"])  # the same Apache licence
    return [
        Component("Python", platform.python_version(), "Python-2.0"),
        *(Component(row["name"], engine, row["licence"], row["note"]) for row in parts),
        Component("SmolLM2-135M-Instruct", "Q4_1", "Apache-2.0", "the starter model, by Hugging Face"),
    ]


def graphics_parts(python: str, folder: Path) -> list[Component]:
    """What is in the Vulkan backend and beside it; nothing on macOS, which has none."""
    if sys.platform == "darwin":
        return []
    found = subprocess.run([python, "-c", BOX], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    notes = json.loads((Path(found) / MADE_WITH).read_text(encoding="utf-8"))
    parts = []
    for package, (name, licence, note) in GRAPHICS_PARTS.items():
        text = Path(found) / f"{package}{COPYRIGHT}"
        if text.exists():
            keep(folder / name, [text, *common_licences(text.read_text(encoding="utf-8", errors="replace"))])
        elif package not in notes:  # a build with the Vulkan SDK: its headers, and no loader
            keep(folder / name, [ROOT / "LICENSE"])  # the same Apache licence
        else:
            raise SystemExit(f"{package} {notes[package]} brings no text of its licence.")
        parts.append(Component(name, notes.get(package, "of the Vulkan SDK"), licence, note))
    return parts


def page_parts(python: str, folder: Path) -> list[Component]:
    """llama.cpp's web page with what it was built of; nothing where the bundle is without it."""
    found = subprocess.run([python, "-c", PAGE], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    text = Path(found) / LICENCES
    if not text.exists():
        return []
    keep(folder / PAGE_NAME, [text])
    note = "Svelte's and other packages for browsers, with the tools that built it"
    return [Component(PAGE_NAME, f"as in llama-cpp-python {pinned_version()}", "MIT and others", note)]


def common_licences(words: str) -> list[Path]:
    """The texts that a copyright file of Debian's only names."""
    return [
        COMMON / name for name in sorted(set(re.findall(rf"{COMMON}/([\w.-]*\w)", words))) if (COMMON / name).exists()
    ]


def member(sources: tarfile.TarFile, ending: str) -> str:
    """Text of the file of an archive whose path ends so."""
    text = sources.extractfile(next(name for name in sources.getnames() if name.endswith(ending)))
    assert text is not None
    return text.read().decode()


def keep(folder: Path, texts: list[Path]) -> None:
    """Copy texts into ``folder``; those of one name get the names of their folders too."""
    folder.mkdir(parents=True, exist_ok=True)
    for text in texts:
        name = text.name if not (folder / text.name).exists() else "-".join(text.parts[-3:])
        shutil.copyfile(text, folder / name)


def passage(source: str, begins: str) -> str:
    """What a comment of a source file says from the line that has ``begins``; without it all of the file."""
    if not begins:
        return source
    lines = source.splitlines()
    first = next(number for number, line in enumerate(lines) if begins in line)
    mark = next((mark for mark in ("//", "#") if lines[first].startswith(mark)), "")
    said = list(takewhile(lambda line: line.startswith(mark) and line.strip() != "*/", lines[first:]))
    return dedent("\n".join(line.removeprefix(mark).removeprefix(" " if mark else "") for line in said)).rstrip() + "\n"


def keep_text(folder: Path, text: str) -> None:
    """Write one text into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LICENSE").write_text(text, encoding="utf-8")


def main() -> None:
    """Write the folder anew: the texts, and licences.json for the page About."""
    python, work, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bundled = bundled_files(work)
    parts = [*python_packages(python, bundled, folder), *system_libraries(bundled, folder), *others(folder)]
    parts += graphics_parts(python, folder)
    parts += page_parts(python, folder)
    parts += parts_of_qt(next(part.version for part in parts if part.name == "PySide6_Essentials"), folder)
    parts.sort(key=lambda part: part.name.lower())
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    document = [{"name": p.name, "version": p.version, "licence": p.licence, "note": p.note} for p in parts]
    (folder / "licences.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(parts)} third-party licences")


if __name__ == "__main__":
    main()
