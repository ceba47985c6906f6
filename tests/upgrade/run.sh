#!/usr/bin/env bash
# run.sh COMMAND…: with SLUICE_RELEASED in its environment, the program of the last version before this
# commit that has a tag, and SLUICE_RELEASED_VERSION; without, as long as no version was tagged. It is
# built from its tag once, and kept for all checkouts of this user.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null) || exec "$@"

# Where the libraries that it is linked to are.
# shellcheck source=/dev/null
debian=$(. /etc/os-release && echo "$VERSION_CODENAME")
released=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/released/$tag-$debian
build_released() {
    [[ -x $released/sluice ]] && return 0
    local temporary
    mkdir -p "$released"
    temporary=$(mktemp -d "$released/build.XXXXXX")
    # shellcheck disable=SC2064  # now, not when it fires
    trap "rm -rf '$temporary'" EXIT
    git archive "$tag" | tar -xC "$temporary"
    (cd "$temporary" && cmake --preset release && cmake --build build/release --target sluice) \
        >"$released/log" 2>&1 || {
        tail -n 40 "$released/log"
        return 1
    }
    mv "$temporary/build/release/daemon/sluice" "$released/sluice"
}
mkdir -p "$released"
(
    flock 9 # another checkout may be at it too
    build_released
) 9>"$released/lock"
SLUICE_RELEASED=$released/sluice SLUICE_RELEASED_VERSION=${tag#v} exec "$@"
