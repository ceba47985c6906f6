# shellcheck shell=bash disable=SC2034  # who sources it uses them
# Sourced: buildah with a store of its own, so that no other images are seen or touched.
image_cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/image
image=localhost/sluice:test
base=docker.io/library/debian:trixie-slim

store() {
    local command=$1
    shift
    buildah --root "$image_cache/store" --runroot "$image_cache/run" --storage-driver overlay \
        "$command" "$@"
}
