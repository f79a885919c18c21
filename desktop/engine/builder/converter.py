"""llama.cpp's converter out of the engine's sources: Python files, in a folder of their own.

They come out of the same archive as the engine, so that what they write is what it reads. Uses the standard library
only, since packaging/gather_converter.py runs before anything is installed.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from pathlib import Path

FOLDER = "converter"  # beside the engine's libraries
SCRIPT = "convert_hf_to_gguf.py"
REQUIREMENTS = "requirements/requirements-convert_hf_to_gguf.txt"
_ROOT = "vendor/llama.cpp/"
_FROM = "from.txt"  # names the archive, written last
_WANTED = re.compile(
    rf"{re.escape(SCRIPT)}|LICENSE|conversion/\w+\.py|gguf-py/LICENSE|gguf-py/gguf/\w+\.py"
    r"|requirements/requirements-[\w-]+\.txt"
)


def gathered_from(folder: Path) -> str:
    """The name of the archive that a folder's files are out of; "" where it holds no whole converter."""
    try:
        return (folder / _FROM).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def gather(archive: Path, folder: Path) -> Path:
    """Put the converter of an archive of llama-cpp-python into ``folder``, which appears whole or not at all.

    Raises OSError, and ValueError where the archive has none.
    """
    if gathered_from(folder) == archive.name:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary, FOLDER)
        with tarfile.open(archive) as sources:
            for member in sources:
                _, found, name = member.name.partition(_ROOT)
                if found and member.isfile() and _WANTED.fullmatch(name):
                    member.name = name
                    sources.extract(member, made, filter="data")
        if not (made / SCRIPT).is_file():
            raise ValueError(f"{archive.name} has no {SCRIPT}")
        (made / _FROM).write_text(f"{archive.name}\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return folder
