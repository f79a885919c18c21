"""What a person types to run a command of this very Heft."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from desktop.system.child import command

_NAME = "heft"


def heft_command(environ: Mapping[str, str] = os.environ) -> str:
    """``heft`` where a shell finds this Heft under it; else the whole path of its program, quoted for a shell.

    A checkout's environment is on the path of those shells only in which it was activated: it is named by its path.
    """
    if image := environ.get("APPIMAGE"):  # the file that a person has; what it unpacks to is gone after it
        return shlex.quote(image)
    folder = Path(sys.executable).parent
    own = folder / (f"{_NAME}.exe" if sys.platform == "win32" else _NAME)
    if not own.is_file():
        return shlex.join(command("desktop"))
    found = shutil.which(_NAME, path=environ.get("PATH", ""))
    activated = found is not None and sys.prefix != sys.base_prefix and Path(found).parent == folder
    if found is not None and not activated and Path(found).resolve() == own.resolve():
        return _NAME
    return shlex.quote(str(own))
