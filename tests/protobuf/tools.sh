# shellcheck shell=bash
# Sourced: the other implementation of Protobuf that ours is compared with, kept for all checkouts of
# this user. Nothing here needs root or touches the rest of the machine.
protobuf_version=6.33.0
protobuf_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/protobuf-$protobuf_version

# A virtual environment can not be moved: its file `complete` comes last.
install_protobuf() {
    [[ -e $protobuf_home/complete ]] && return 0
    mkdir -p "$(dirname "$protobuf_home")"
    python3 -m venv --clear "$protobuf_home" &&
        "$protobuf_home/bin/pip" install -q "protobuf==$protobuf_version" >&2 &&
        touch "$protobuf_home/complete"
}
