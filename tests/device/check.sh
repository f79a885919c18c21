#!/usr/bin/env bash
# On the machine with the card: unpack what tests/device/pack.py made, then run tests/device/check.py there.
#   bash tests/device/check.sh [OUT] [options of check.py]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
packed=build/device
out=${1:-build/device-report}
[[ $# -eq 0 ]] || shift
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv --system-site-packages --without-pip "$place/env" # that machine's own numpy
site=$("$place/env/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
python3 -m pip install -q --no-index --no-deps --disable-pip-version-check --target "$site" "$packed"/wheels/*.whl
python3 -m zipfile -e "$packed/vulkan.zip" "$place/vulkan"
export PYTHONPATH=$PWD:$PWD/tests
"$place/env/bin/python" - "$place/vulkan/libggml-vulkan.so" "$site/llama_cpp/lib/further" <<'END'
import sys
from pathlib import Path

from desktop.engine.builder.vulkan import place

place(Path(sys.argv[1]), Path(sys.argv[2]))
END
mkdir -p "$out"
HEFT_HOME=$place/home "$place/env/bin/python" tests/device/check.py \
    --vocabulary "$packed/ggml-vocab-llama-spm.gguf" --models "$place" --out "$out" "$@"
