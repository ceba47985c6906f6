#!/usr/bin/env bash
# Two builds of one day make the same layers: tried without a cache for the libraries, which is where
# times, logs and caches of Debian's tools would differ.
set -euo pipefail
# shellcheck source=store.sh
source "$(dirname "${BASH_SOURCE[0]}")/store.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

digest=
for build in first second; do
    locked build_stage trixie "localhost/sluice:$build" --no-cache --timestamp 0 --target libraries
    now=$(store inspect --type image --format '{{.FromImageDigest}}' "localhost/sluice:$build")
    store rmi "localhost/sluice:$build" >/dev/null
    echo "$build: $now"
    [[ -z $digest || $now == "$digest" ]] || exit 1
    digest=$now
done
