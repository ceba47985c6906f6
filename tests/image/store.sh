# shellcheck shell=bash disable=SC2034  # who sources it uses them
# Sourced: buildah with a store of its own, so that no other images are seen or touched, Debian's
# bases, and stages of the Dockerfile built upon them. No container engine and no registry is needed:
# a base is made by debootstrap. Bases, layers and ccache outlive the checkout.
image_cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/image
image=localhost/sluice:test
description=localhost/sluice:described

# base_of SUITE: "trixie"
base_of() { printf 'docker.io/library/debian:%s-slim\n' "$1"; }
base=$(base_of trixie)

store() {
    local command=$1
    shift
    buildah --root "$image_cache/store" --runroot "$image_cache/run" --storage-driver overlay \
        "$command" "$@"
}

# locked COMMAND…: another checkout may be at it too.
locked() {
    mkdir -p "$image_cache/ccache"
    (flock 9 && "$@") 9>"$image_cache/lock"
}

# make_base SUITE
make_base() {
    store inspect --type image "$(base_of "$1")" >/dev/null 2>&1 && return 0
    local temporary container
    temporary=$(mktemp -d "$image_cache/base.XXXXXX")
    # shellcheck disable=SC2064  # now, not when it fires
    trap "rm -rf '$temporary'" EXIT
    debootstrap --variant=minbase "$1" "$temporary/root" http://deb.debian.org/debian \
        >"$image_cache/debootstrap.log" 2>&1 || {
        tail "$image_cache/debootstrap.log"
        return 1
    }
    rm -rf "$temporary/root/var/cache/apt/archives/"*.deb "$temporary/root/var/lib/apt/lists/"*
    tar -C "$temporary/root" -cf "$temporary/root.tar" .
    container=$(store from scratch)
    store add -q "$container" "$temporary/root.tar" / >/dev/null
    store commit -q --rm "$container" "$(base_of "$1")" >/dev/null  # it prints the image's id
}

# build_stage SUITE TAG [OPTION…]: of the Dockerfile in this folder.
build_stage() {
    local suite=$1 tag=$2
    shift 2
    make_base "$suite" || return 1
    store bud --isolation chroot --pull=never --layers --build-arg "BASE=$(base_of "$suite")" \
        --volume "$image_cache/ccache:/var/cache/ccache" "$@" --tag "$tag" . \
        >"$image_cache/build.log" 2>&1 || {
        tail -n 40 "$image_cache/build.log"
        return 1
    }
}
