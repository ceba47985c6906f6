# shellcheck shell=bash
# Sourced: the other implementation of Protobuf that ours is compared with, kept for all checkouts of
# this user. Nothing here needs root or touches the rest of the machine.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
protobuf_version=6.33.0
protobuf_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/protobuf-$protobuf_version

install_protobuf() { install_python "$protobuf_home" "protobuf==$protobuf_version"; }
