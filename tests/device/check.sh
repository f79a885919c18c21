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
export HEFT_HOME=$place/home
# CUDA, where NVIDIA's toolkit is whole: built of the sources that came along; minutes on 16 cores
if "$place/env/bin/python" -c 'import sys; from desktop.engine.builder.cuda_tools import installed; sys.exit(not installed())'; then
    mkdir -p "$place/cache/heft/sdist"
    cp "$packed"/llama_cpp_python-*.tar.gz "$place/cache/heft/sdist"
    if library=$(XDG_CACHE_HOME=$place/cache timeout 300 python3 packaging/build_engine.py --cuda); then
        "$place/env/bin/python" -m desktop backends add "$library" || echo "CUDA's backend was refused."
    else
        echo "CUDA's backend was not built."
    fi
fi
"$place/env/bin/python" tests/device/check.py --seconds $((SECONDS < 360 ? 420 - SECONDS : 60)) \
    --vocabulary "$packed/ggml-vocab-llama-spm.gguf" --models "$place" --out "$out" "$@"
