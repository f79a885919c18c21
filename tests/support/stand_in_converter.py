"""A converter that makes its file in no time, in an environment that looks as one that was made; and tiny wheels."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

from desktop.engine.builder.converter import REQUIREMENTS, SCRIPT
from desktop.engine.converter.environment import NAMED, ConverterEnvironment
from desktop.engine.converter.sources import kept_folder, read_sources
from desktop.store.paths import Paths

RESULT = "result.made"  # in the folder that is "converted": what comes of it
MOOD = "mood"  # there too: what goes wrong
# As convert_hf_to_gguf.py is called. It writes down what it was told, and of the environment what has to hold.
_SCRIPT = f"""
import json, os, shutil, sys, time
from pathlib import Path

folder, out = Path(sys.argv[1]), Path(sys.argv[sys.argv.index("--outfile") + 1])
mood = (folder / "{MOOD}").read_text() if (folder / "{MOOD}").exists() else ""
offline = os.environ.get("HF_HUB_OFFLINE")
told = {{"arguments": sys.argv[1:], "pid": os.getpid(), "offline": offline, "token": os.environ.get("HF_TOKEN")}}
(folder / "told.json").write_text(json.dumps(told))
if mood.startswith("says "):
    sys.exit(mood.removeprefix("says "))
if mood == "strange":
    from transformers import dynamic_module_utils
    dynamic_module_utils.get_class_in_module("Evil", folder / "evil.py")
if mood == "no end":
    out.write_bytes(b"half")
    while True:
        time.sleep(1)
if mood == "half":
    out.write_bytes((folder / "{RESULT}").read_bytes()[:-64])
else:
    shutil.copyfile(folder / "{RESULT}", out)
"""
# What Heft holds back of transformers, as a package that would do it.
_DYNAMIC = """
from pathlib import Path

def get_class_in_module(name, path):
    exec(Path(path).read_text())

def get_cached_module_file(*_): ...
def get_class_from_dynamic_module(*_): ...
def resolve_trust_remote_code(*_): return True
"""


def put_converter(paths: Paths, *, ready: bool = True) -> Path:
    """Sources and environment below the folders of a test; the folder of the sources."""
    folder = kept_folder(paths.cache)
    (folder / "transformers").mkdir(parents=True)
    (folder / SCRIPT).write_text(_SCRIPT)
    (folder / "transformers" / "__init__.py").touch()
    (folder / "transformers" / "dynamic_module_utils.py").write_text(_DYNAMIC)
    (folder / REQUIREMENTS).parent.mkdir()
    (folder / REQUIREMENTS).write_text(
        "# what it needs\n-r ./requirements-more.txt\n--extra-index-url https://index.invalid/cpu\ntorch==2.0.1\n"
    )
    (folder / REQUIREMENTS).with_name("requirements-more.txt").write_text(
        "numpy~=2.0\nsentencepiece>=0.1  # words\ntransformers==4.0\ngguf>=0.1\npyyaml\n"
    )
    (folder / "from.txt").write_text("stand-in.tar.gz\n")
    if ready:
        python = ConverterEnvironment(paths.data / "converter", read_sources(folder), paths.logs / "a.log").python
        python.parent.mkdir(parents=True)
        python.symlink_to(os.path.realpath(sys.executable))
        (python.parents[1] / "ready.json").write_text("{}")
    return folder


def told(folder: Path) -> dict[str, object]:
    """What the converter was told for a folder."""
    found: dict[str, object] = json.loads((folder / "told.json").read_text())
    return found


def put_wheels(folder: Path) -> Path:
    """Wheels of all that the stand-in's requirements name, a module each; pip takes them from there."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"torch": "2.0.1", "numpy": "2.0.5", "transformers": "4.0", "sentencepiece": "0.2", "pyyaml": "6.0"}
    assert set(NAMED) <= set(versions)
    for name, version in versions.items():
        module = {"pyyaml": "yaml"}.get(name, name)
        wheel = folder / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        files = {
            f"{module}.py": "",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items())
        with zipfile.ZipFile(wheel, "w") as archive:
            for file, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
                archive.writestr(file, text)
    return folder


def _digest(text: str) -> str:
    import base64

    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
