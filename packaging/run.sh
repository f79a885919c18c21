#!/usr/bin/env bash
# Set Heft up where that is still to be done, then start it; arguments are passed on.
#   bash packaging/run.sh                 the window (without a display: a chat in the terminal)
#   bash packaging/run.sh model.gguf      the same with this file
#   bash packaging/run.sh machine         any command of heft

# shellcheck source=packaging/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

set_up run

has_display() {
    [[ -n ${DISPLAY:-}${WAYLAND_DISPLAY:-}${QT_QPA_PLATFORM:-} || $(uname) == Darwin ]]
}

if (($# == 0)) || [[ $1 == *.gguf ]]; then
    if ! has_display; then
        say "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so this is the chat in the terminal."
        exec "$VENV/bin/heft" chat "${1:-starter}"
    fi
fi
exec "$VENV/bin/heft" "$@"
