# shellcheck shell=bash
# Sourced: the other implementation of Avro that ours is compared with, kept for all checkouts of
# this user. Nothing here needs root or touches the rest of the machine.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
fastavro_version=1.13.1
fastavro_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/fastavro-$fastavro_version

install_fastavro() { install_python "$fastavro_home" "fastavro==$fastavro_version"; }
