#!/usr/bin/env bash
# Put the certificate of the environment into a keychain of its own, for make_dmg.sh; prints the variables it reads.
#   CERTIFICATE (a .p12 file as base64), CERTIFICATE_PASSWORD; for notarizing APPLE_ID, APPLE_TEAM, APPLE_PASSWORD

set -euo pipefail

keychain=$RUNNER_TEMP/heft.keychain-db
password=$(openssl rand -hex 16)
file=$(mktemp)
trap 'rm -f "$file"' EXIT
printf '%s' "$CERTIFICATE" | base64 --decode >"$file"
security create-keychain -p "$password" "$keychain" >&2
security set-keychain-settings -lut 7200 "$keychain" >&2
security unlock-keychain -p "$password" "$keychain" >&2
security import "$file" -f pkcs12 -P "$CERTIFICATE_PASSWORD" -k "$keychain" -T /usr/bin/codesign >&2
security set-key-partition-list -S apple-tool:,apple:,codesign: -s -k "$password" "$keychain" >/dev/null
security list-keychains -d user -s "$keychain" login.keychain-db >&2
identity=$(security find-identity -v -p codesigning "$keychain" | sed -n 's/.*"\(Developer ID Application[^"]*\)".*/\1/p' | head -n 1)
[[ $identity ]] || { printf 'The certificate is no "Developer ID Application".\n' >&2 && exit 1; }
printf 'HEFT_SIGN_IDENTITY=%s\n' "$identity"
if [[ ${APPLE_ID:-} ]]; then
    xcrun notarytool store-credentials heft --apple-id "$APPLE_ID" --team-id "$APPLE_TEAM" \
        --password "$APPLE_PASSWORD" --keychain "$keychain" >&2
    printf 'HEFT_NOTARY_PROFILE=heft\nHEFT_NOTARY_KEYCHAIN=%s\n' "$keychain"
fi
