#!/usr/bin/env bash
# Wrap build/bundle/Heft.app (packaging/freeze.py) into a disk image; needs macOS.
#   bash packaging/macos/make_dmg.sh     build/artefacts/Heft-VERSION-MACHINE.dmg
# Signed and notarized where the environment says how, else left unsigned:
#   HEFT_SIGN_IDENTITY      name of a "Developer ID Application" certificate in the keychain
#   HEFT_NOTARY_PROFILE     a profile that "xcrun notarytool store-credentials" kept

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
APP=$ROOT/build/bundle/Heft.app
VERSION=$(python3 "$ROOT/packaging/linux_tree.py" version)
TARGET=$ROOT/build/artefacts/Heft-$VERSION-$(uname -m).dmg
mkdir -p "$ROOT/build/artefacts"

if [[ ${HEFT_SIGN_IDENTITY:-} ]]; then
    # from the inside out: a signature covers those of the files in it
    find "$APP/Contents" -type f \( -name '*.so' -o -name '*.dylib' \) -print0 |
        xargs -0 codesign --force --timestamp --options runtime --sign "$HEFT_SIGN_IDENTITY"
    codesign --force --timestamp --options runtime --entitlements "$ROOT/packaging/macos/entitlements.plist" \
        --sign "$HEFT_SIGN_IDENTITY" "$APP"
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

if [[ ${HEFT_SIGN_IDENTITY:-} && ${HEFT_NOTARY_PROFILE:-} ]]; then
    codesign --timestamp --sign "$HEFT_SIGN_IDENTITY" "$TARGET"
    xcrun notarytool submit "$TARGET" --keychain-profile "$HEFT_NOTARY_PROFILE" --wait
    xcrun stapler staple "$TARGET"
fi
