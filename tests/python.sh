# shellcheck shell=bash
# Sourced by the tools of tests that run programs in Python.

# install_python HOME PACKAGE…: these, in a virtual environment of their own. One can not be moved:
# its file `complete` comes last.
install_python() {
    local home=$1
    shift
    [[ -e $home/complete ]] && return 0
    mkdir -p "$(dirname "$home")"
    python3 -m venv --clear "$home" &&
        "$home/bin/pip" install -q "$@" >&2 &&
        touch "$home/complete"
}
