#!/usr/bin/env bash
# Wrap build/bundle/Heft.app (packaging/freeze.py) into a disk image; needs macOS.
#   bash packaging/macos/make_dmg.sh     build/artefacts/Heft-VERSION-MACHINE.dmg
# Signed and notarized where the environment says how, else left unsigned:
#   HEFT_SIGN_IDENTITY      name of a "Developer ID Application" certificate in the keychain
#   HEFT_NOTARY_PROFILE     a profile that "xcrun notarytool store-credentials" kept, in the default keychain or in
#   HEFT_NOTARY_KEYCHAIN    this one

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
APP=$ROOT/build/bundle/Heft.app
VERSION=$(python3 "$ROOT/packaging/linux_tree.py" version)
TARGET=$ROOT/build/artefacts/Heft-$VERSION-$(uname -m).dmg
mkdir -p "$ROOT/build/artefacts"

if [[ ${HEFT_SIGN_IDENTITY:-} ]]; then
    sign=(codesign --force --timestamp --options runtime --sign "$HEFT_SIGN_IDENTITY")
    # From the inside out: a signature covers those of the files in it. By content: Qt's and Python's libraries are
    # called like their frameworks, without an ending.
    find "$APP/Contents/Frameworks" "$APP/Contents/Resources" -type f -print0 | while IFS= read -r -d '' file; do
        case $(file --brief "$file") in
            *Mach-O*executable*) "${sign[@]}" --entitlements "$ROOT/packaging/macos/entitlements.plist" "$file" ;; # the server
            *Mach-O*) "${sign[@]}" "$file" ;;
        esac
    done
    find "$APP/Contents/Frameworks" -depth -type d -name '*.framework' -print0 | while IFS= read -r -d '' framework; do
        "${sign[@]}" "$framework"
    done
    "${sign[@]}" --entitlements "$ROOT/packaging/macos/entitlements.plist" "$APP"
    codesign --verify --deep --strict "$APP"
else
    printf 'Not signed: HEFT_SIGN_IDENTITY is not set.\n' >&2
    # Apple Silicon runs nothing without any signature; this one names nobody, and covers the licences put in later
    codesign --force --deep --sign - --entitlements "$ROOT/packaging/macos/entitlements.plist" "$APP"
fi

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
cp -R "$APP" "$staging/"
ln -s /Applications "$staging/Applications"
rm -f "$TARGET"
hdiutil create -volname "Heft $VERSION" -srcfolder "$staging" -fs HFS+ -format ULFO "$TARGET"

[[ ! ${HEFT_SIGN_IDENTITY:-} ]] || codesign --timestamp --sign "$HEFT_SIGN_IDENTITY" "$TARGET"
if [[ ${HEFT_SIGN_IDENTITY:-} && ${HEFT_NOTARY_PROFILE:-} ]]; then
    profile=(--keychain-profile "$HEFT_NOTARY_PROFILE")
    [[ ! ${HEFT_NOTARY_KEYCHAIN:-} ]] || profile+=(--keychain "$HEFT_NOTARY_KEYCHAIN")
    xcrun notarytool submit "$TARGET" "${profile[@]}" --wait
    xcrun stapler staple "$TARGET"
fi
