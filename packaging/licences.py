"""Gather the licences of everything a bundle holds into one folder, with an index.

    python packaging/licences.py PYTHON FOLDER      PYTHON is that of the environment the bundle is made from

Fails when a distribution states no licence at all.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Tools of the build itself; PyInstaller's own start program is in the bundle and its licence allows that use.
BUILD_ONLY = {
    "pip", "setuptools", "hatchling", "editables", "altgraph", "pyinstaller-hooks-contrib",
    "pathspec", "pluggy", "trove-classifiers",
}  # fmt: skip
LIST = """
import json, importlib.metadata as m
out = []
for d in m.distributions():
    meta = d.metadata
    files = [str(d.locate_file(f)) for f in d.files or () if "dist-info" in str(f)
             and f.name.lower().split(".")[0].startswith(("license", "licence", "copying", "notice"))]
    said = meta.get("License-Expression") or next(
        (c.split(" :: ")[-1] for c in meta.get_all("Classifier") or () if c.startswith("License ::")),
        (meta.get("License") or "").split("\\n")[0])
    out.append({"name": meta["Name"], "version": d.version, "licence": said, "files": files})
print(json.dumps(out))
"""


@dataclass(frozen=True)
class Part:
    """One third-party part: what it is, under which licence, and why that is fine for Heft."""

    name: str
    version: str
    licence: str
    note: str = ""


QT_NOTE = "used unchanged under the LGPL; its libraries lie beside the program and may be replaced"
OTHERS = (Part("SmolLM2-135M-Instruct", "Q4_1", "Apache-2.0", "the starter model, by Hugging Face"),)


def gather(python: str, folder: Path) -> list[Part]:
    """Copy licence files into ``folder``, one folder a distribution; the parts in order of their names."""
    listing = subprocess.run([python, "-c", LIST], check=True, capture_output=True, text=True).stdout
    parts: list[Part] = []
    for found in json.loads(listing):
        name = found["name"]
        if name.lower() in BUILD_ONLY or name.lower() == "heft-desktop":
            continue
        if not found["licence"] and not found["files"]:
            raise SystemExit(f"{name} {found['version']} states no licence.")
        for file in map(Path, found["files"]):
            target = folder / name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        is_qt = name.lower().startswith(("pyside6", "shiboken6"))
        parts.append(Part(name, found["version"], found["licence"] or "see its file", QT_NOTE if is_qt else ""))
    return sorted([*parts, *OTHERS], key=lambda part: part.name.lower())


def main() -> None:
    """Write the folder anew: licence files, and licences.json for the page About."""
    python, folder = sys.argv[1], Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = gather(python, folder)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    document = [{"name": p.name, "version": p.version, "licence": p.licence, "note": p.note} for p in parts]
    (folder / "licences.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(parts)} third-party licences")


if __name__ == "__main__":
    main()
