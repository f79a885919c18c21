"""Print the size of each artefact in a folder; fail when one is above its limit.

python packaging/check_sizes.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

MEGABYTE = 1_000_000
# the starter is 98 MB of it, Vulkan 5 (AppImage: 7), llama.cpp's web page 3, the reader of PDF 4, the client of tools 4
WITH_STARTER, WITHOUT_STARTER = 195 * MEGABYTE, 101 * MEGABYTE


def main() -> int:
    """One line per file; 1 when any is too large."""
    too_large = False
    for file in sorted(Path(sys.argv[1]).iterdir()):
        size = file.stat().st_size
        limit = WITHOUT_STARTER if "-small" in file.name else WITH_STARTER
        too_large |= size > limit
        verdict = "" if size <= limit else f"  above {limit // MEGABYTE} MB"
        print(f"{file.name:40} {size / MEGABYTE:6.1f} MB{verdict}")
    return int(too_large)


if __name__ == "__main__":
    sys.exit(main())
