# shellcheck shell=bash
# Sourced: the other implementation of Avro that ours is compared with, kept for all checkouts of
# this user. Nothing here needs root or touches the rest of the machine.
fastavro_version=1.13.1
fastavro_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/fastavro-$fastavro_version

# A virtual environment can not be moved: its file `complete` comes last.
install_fastavro() {
    [[ -e $fastavro_home/complete ]] && return 0
    mkdir -p "$(dirname "$fastavro_home")"
    python3 -m venv --clear "$fastavro_home" &&
        "$fastavro_home/bin/pip" install -q "fastavro==$fastavro_version" >&2 &&
        touch "$fastavro_home/complete"
}
