"""Put llama.cpp's converter beside the engine, out of the engine's own sources: prints the folder.

    python3 packaging/gather_converter.py --into FOLDER

It is 2 MB of Python files and runs nothing here: "heft convert" makes an environment for it when it is first asked.
Uses the standard library only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from build_engine import fetch_sdist, pinned_version

from desktop.engine.builder.converter import gather


def main() -> int:
    """Fetch the sources where they are not here, and unpack; a failure is one sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    try:
        print(gather(fetch_sdist(pinned_version()), parser.parse_args().into))
    except (OSError, ValueError) as error:
        raise SystemExit(f"The converter could not be unpacked: {error}") from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
