#!/usr/bin/env bash
# Builds the image from the checkout as a user would, without a container engine and without
# a registry: the base is made by debootstrap. Base, layers and ccache outlive the checkout.
set -euo pipefail
# shellcheck source=store.sh
source "$(dirname "${BASH_SOURCE[0]}")/store.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

make_base() {
    local temporary container
    temporary=$(mktemp -d "$image_cache/base.XXXXXX")
    # shellcheck disable=SC2064  # now, not when it fires
    trap "rm -rf '$temporary'" EXIT
    debootstrap --variant=minbase trixie "$temporary/root" http://deb.debian.org/debian \
        >"$image_cache/debootstrap.log" 2>&1 || {
        tail "$image_cache/debootstrap.log"
        return 1
    }
    rm -rf "$temporary/root/var/cache/apt/archives/"*.deb "$temporary/root/var/lib/apt/lists/"*
    tar -C "$temporary/root" -cf "$temporary/root.tar" .
    container=$(store from scratch)
    store add -q "$container" "$temporary/root.tar" / >/dev/null
    store commit -q --rm "$container" "$base"
}

mkdir -p "$image_cache/ccache"
# Another checkout may be at it too.
exec 9>"$image_cache/lock"
flock 9
store inspect --type image "$base" >/dev/null 2>&1 || make_base
store bud --isolation chroot --pull=never --layers --volume "$image_cache/ccache:/var/cache/ccache" \
    --build-arg "REVISION=$(git rev-parse HEAD)" --tag "$image" . >"$image_cache/build.log" 2>&1 || {
    tail -n 40 "$image_cache/build.log"
    exit 1
}
echo "built $image"
