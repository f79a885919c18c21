#!/usr/bin/env bash
# Set up where that is still to be done, then check everything: lint, types, layers, dead code, tests.
#   bash packaging/test.sh                       everything
#   bash packaging/test.sh --full                everything, tests/faults in its whole form (about an hour more)
#   bash packaging/test.sh tests/core -k gguf    lint, types and layers, then pytest with these arguments only
#   bash packaging/test.sh --coverage            how much of each floor the tests cover that start neither an engine nor a screen
#   bash packaging/test.sh --artefacts           build all packages and prove each on bare systems (packaging/smoke.py)

# shellcheck source=packaging/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# What makes the bare roots, and the screen, the hands and the eyes outside of them; the rest lies in the roots.
SMOKE_PACKAGES=(debootstrap debian-archive-keyring util-linux xvfb xdotool tesseract-ocr tesseract-ocr-eng squashfs-tools dpkg g++)

cd "$ROOT"
if [[ ${1:-} == --artefacts ]]; then
    bash packaging/build.sh
    mapfile -t missing < <(missing_packages "${SMOKE_PACKAGES[@]}")
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}" ||
        fail "These packages are missing. Install them as root: apt-get install ${missing[*]}"
    as_root=()
    ((EUID == 0)) || as_root=(sudo --preserve-env=CI,http_proxy,https_proxy,no_proxy,XDG_CACHE_HOME)
    exec "${as_root[@]}" "$(find_python)" packaging/smoke.py build/artefacts/*.deb build/artefacts/*.AppImage
fi

set_up test

export QT_QPA_PLATFORM=offscreen
export HEFT_TEST_MODELS=${HEFT_TEST_MODELS:-$CACHE/test-data/models}
export PATH=$VENV/bin:$PATH
unset HEFT_HOME

LOWER=(tests/core tests/system tests/machine tests/hub tests/mcp tests/engine tests/store tests/services)
UPPER=(tests/ui tests/end_to_end tests/faults tests/fuzz tests/packaging)
LIGHT=(-m 'not engine and not xvfb') # neither an engine nor a screen
PARALLEL=(-n auto --maxprocesses 4 --dist worksteal)
failed=()
unsteady=()

check() {
    local name=$1
    shift
    say "== $name"
    "$@" || failed+=("$name")
}

# A test that fails is run once more, with nothing beside it. One that passes then is no proof of a fault in what is
# tested: it is named at the end, to be mended, and fails nothing.
tests() {
    local name=$1 python=$2 group=$ROOT/build/tests/$1 status=0
    shift 2
    rm -rf "$group"
    "$python" -m pytest -o cache_dir="$group" "$@" || status=$?
    ((status == 1)) || return "$status"
    say "== once more, what failed of: $name"
    "$python" -m pytest -o cache_dir="$group" "$@" -n 0 --last-failed --last-failed-no-failures=none -rA \
        || return
    unsteady+=("$name")
}

# Rule 1 of the architecture: everything below the window works where PySide6 is not even installed.
without_qt() {
    local environment=$ROOT/build/environment-without-qt
    python packaging/linked_environment.py "$environment" --without PySide6_Essentials shiboken6 pytest-qt &&
        PYTHONPATH=$ROOT/packaging:$ROOT tests without-qt "$environment/bin/python" -p without_qt "${PARALLEL[@]}" \
            "${LIGHT[@]}" "${LOWER[@]}"
}

# Branch coverage doubles the time of the tests on Python 3.11, so it is measured apart.
covered() {
    COVERAGE_FILE=$ROOT/build/coverage/data
    export COVERAGE_FILE
    rm -rf "$ROOT/build/coverage"
    mkdir -p "$ROOT/build/coverage"
    python -m coverage run -m pytest "${PARALLEL[@]}" "${LIGHT[@]}" "${LOWER[@]}" "${UPPER[@]}" ||
        say "Some tests failed under the tracer, which slows them; whether they pass, the run without it says."
    python -m coverage combine -q && python packaging/coverage_floors.py
}

check "ruff" ruff check .
check "format" ruff format --check .
check "mypy" mypy
check "mypy (packaging)" mypy --strict packaging
check "layers" lint-imports
check "dead code" vulture
if [[ ${1:-} == --coverage ]]; then
    check "coverage of each floor" covered
elif [[ $# -gt 0 && $* != --full ]]; then
    check "tests" python -m pytest "$@"
else
    [[ $# -eq 0 ]] || set -- "$@" -o faulthandler_timeout=7200 # a hundred deaths are one test
    check "tests of the lower floors, without Qt" without_qt
    check "tests of the window" tests window python "${PARALLEL[@]}" -m 'not engine' "${UPPER[@]}"
    # One by one: an engine takes all cores, and a second one beside it would slow both tenfold.
    check "tests with an engine" tests engine python -m engine "$@"
fi

((${#unsteady[@]} == 0)) || say "UNSTEADY, passed only alone; see above and mend: ${unsteady[*]}"
((${#failed[@]} == 0)) || fail "Failed: ${failed[*]}"
