#!/usr/bin/env bash
# run_read_only.sh CONFIG-DIR ARGUMENTS…: `sluice ARGUMENTS…` in a container of the image, as the
# image's own user, on a root that nobody can write to, CONFIG-DIR as its /etc/sluice. SIGTERM goes
# to sluice; its exit code is ours.
#
# buildah has no option for a read-only root. So a shell of the image waits inside until its root
# has been remounted from here, and then becomes sluice.
set -euo pipefail
# shellcheck source=store.sh
source "$(dirname "${BASH_SOURCE[0]}")/store.sh"
config=$1
shift
container=$(store from --pull-never "$image")
trap 'store rm "$container" >/dev/null' EXIT

# The children of process $1, whichever of its threads started them.
children() { cat "/proc/$1"/task/*/children 2>/dev/null || true; }

# The shell inside, once it is there: below buildah, its runtime and its launcher.
find_shell() {
    local pid
    for pid in $(children "$1"); do
        if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == sh ]]; then
            printf '%s\n' "$pid"
            return 0
        fi
        find_shell "$pid" && return 0
    done
    return 1
}

# shellcheck disable=SC2016  # the shell inside expands them
store run --isolation chroot --volume "$config:/etc/sluice:ro" "$container" -- \
    sh -c 'while touch /tmp/writable 2>/dev/null; do sleep 0.05; done; exec sluice "$@"' \
    sh "$@" &
buildah=$!

shell=
until shell=$(find_shell "$buildah"); do
    [[ -d /proc/$buildah ]] || exit 1
    sleep 0.05
done
trap 'kill -TERM "$shell" 2>/dev/null' TERM INT
nsenter --target "$shell" --mount mount -o remount,bind,ro "$(readlink "/proc/$shell/root")"

# `wait` returns early when a signal comes in.
code=0
wait "$buildah" || code=$?
while [[ -d /proc/$buildah ]]; do
    code=0
    wait "$buildah" || code=$?
done
exit "$code"
