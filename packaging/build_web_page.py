"""Build llama.cpp's own web page out of the engine's sources and keep it for the server: prints the folder.

    .venv/bin/python packaging/build_web_page.py               into the cache, for this version of the engine
    .venv/bin/python packaging/build_web_page.py --into FOLDER

The sources bring no built page, and llama.cpp's own build would fetch one over the network while it compiles. This
needs node 20 and npm, which fetches what the page's lock file pins (about 1,000 packages), and takes some minutes.
Without it Heft serves all but the page.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from desktop.services.serve.door.page.assets import built_folder  # noqa: E402

_PAGE = "vendor/llama.cpp/tools/ui/"
LICENCES = "licences.txt"  # in the folder of the page; packaging/licences.py takes it from there
_LICENCE = re.compile(r"(licen[cs]e|copying|notice)([.-].*)?$", re.IGNORECASE)
_STEPS = (
    ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
    ("npx", "svelte-kit", "sync"),
    ("npx", "vite", "build"),
)


def unpack(archive: Path, folder: Path) -> Path:
    """The page's sources out of the engine's; ValueError where they have none."""
    with tarfile.open(archive) as sources:
        members = [each for each in sources.getmembers() if _PAGE in each.name and each.isfile()]
        if not members:
            raise ValueError(f"{archive} has no {_PAGE}")
        for member in members:
            member.name = member.name.partition(_PAGE)[2]
        sources.extractall(folder, members, filter="data")
    return folder


def licences_of(modules: Path) -> str:
    """The texts of the licences of all packages in a folder of node modules, each package with its version before it;
    a text that several share stands once. What is only a tool of the build is among them.
    """
    holders: dict[str, list[str]] = {}
    for file in sorted(modules.rglob("package.json")):
        texts = [each for each in sorted(file.parent.iterdir()) if each.is_file() and _LICENCE.match(each.name)]
        known = json.loads(file.read_text(encoding="utf-8", errors="replace")) if texts else {}
        if known.get("name") and known.get("version"):
            text = "\n\n".join(each.read_text(encoding="utf-8", errors="replace").strip() for each in texts)
            holders.setdefault(text, []).append(f"{known['name']} {known['version']}")
    return (
        "\n\n".join(f"{', '.join(sorted(set(names)))}\n\n{text}\n\n{'-' * 80}" for text, names in holders.items())
        + "\n"
    )


def main() -> int:
    """Fetch the sources, build, and put the result in its place; exit code 1 in words where that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=built_folder(), metavar="FOLDER")
    target: Path = parser.parse_args().into
    if shutil.which("npm") is None:
        print("npm is missing: install node 20.", file=sys.stderr)
        return 1
    found = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "build_engine.py"), "--sdist"],
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        sources = unpack(Path(found.stdout.strip().splitlines()[-1]), Path(folder))
        for step in _STEPS:
            environment = {**os.environ, "LLAMA_UI_OUT_DIR": str(sources / "built")}
            done = subprocess.run(step, cwd=sources, stdout=sys.stderr, env=environment, check=False)
            if done.returncode:
                print(f"{' '.join(step)} failed.", file=sys.stderr)
                return 1
        (sources / "built" / LICENCES).write_text(licences_of(sources / "node_modules"), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(sources / "built", target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
