#!/usr/bin/env bash
# Build everything that is handed to users on this system, from a clean checkout: the frozen folder, a Debian package
# and an AppImage (each with and without the starter model), and the Windows installer's script around a stand-in.
#   bash packaging/build.sh        artefacts and their sizes in build/artefacts

# shellcheck source=packaging/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

cd "$ROOT"
BUILD=$ROOT/build
ARTEFACTS=$BUILD/artefacts
BUNDLE=$BUILD/bundle/heft
ICONS=$BUILD/icons
BUILD_PACKAGES=(binutils dpkg squashfs-tools nsis p7zip-full)

# PyInstaller takes the window's libraries from this system, so those have to be here too.
install_what_is_missing() {
    local python=$1 needed missing
    needed=("${WINDOW_PACKAGES[@]}" "${ENGINE_PACKAGES[@]}" "${BUILD_PACKAGES[@]}")
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        needed+=("$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')")
    command -v c++ >/dev/null && command -v cc >/dev/null || needed+=(g++)
    mapfile -t missing < <(missing_packages "${needed[@]}")
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}" ||
        fail "These packages are missing. Install them as root: apt-get install ${missing[*]}"
}

PYTHON=$(find_python)
install_what_is_missing "$PYTHON"
mkdir -p "$CACHE"
exec {lock}>"$CACHE/bundle.lock" # all checkouts share the environment that is frozen
flock "$lock"
"$PYTHON" packaging/freeze.py
exec {lock}>&-
"$PYTHON" packaging/check_libraries.py "$BUNDLE"
VERSION=$("$PYTHON" packaging/linux_tree.py version)
DEBIAN=$("$PYTHON" packaging/linux_tree.py debian)
MACHINE=$("$PYTHON" packaging/linux_tree.py machine)
rm -rf "$ARTEFACTS" && mkdir -p "$ARTEFACTS"

say "Debian packages"
"$PYTHON" packaging/make_deb.py "$BUNDLE" "$ICONS" "$ARTEFACTS/heft_${VERSION}_$DEBIAN.deb"
"$PYTHON" packaging/make_deb.py "$BUNDLE" "$ICONS" "$ARTEFACTS/heft-small_${VERSION}_$DEBIAN.deb" --without-starter
if [[ $MACHINE == x86_64 ]]; then # the carried runtime is for this architecture only
    say "AppImages"
    pip_python=$CACHE/bundle-environment/bin/python
    "$pip_python" packaging/make_appimage.py "$BUNDLE" "$ICONS" "$ARTEFACTS/Heft-$VERSION-$MACHINE.AppImage"
    "$pip_python" packaging/make_appimage.py "$BUNDLE" "$ICONS" "$ARTEFACTS/Heft-small-$VERSION-$MACHINE.AppImage" \
        --without-starter
fi
say "The Windows installer's script, around a stand-in for the Windows programs"
"$PYTHON" packaging/make_windows_installer.py "$BUNDLE" "$ICONS" "$BUILD/Heft-$VERSION-stand-in-setup.exe" --stand-in
"$PYTHON" packaging/check_libraries.py "$ARTEFACTS"/*
"$PYTHON" packaging/check_sizes.py "$ARTEFACTS"
