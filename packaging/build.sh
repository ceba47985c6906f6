#!/usr/bin/env bash
# build.sh [--of FOLDER] [SUITE…]: the Debian packages of the checkout, in build/packages: of the
# Debian that this is, natively, from what is built in FOLDER or a release build; of another one,
# "trixie", in a container of it (tests/image/store.sh).
set -euo pipefail
# shellcheck source=../tests/image/store.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tests/image/store.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

built=build/release
build_here() {
    if [[ $built == build/release ]]; then
        cmake --preset release
        cmake --build build/release
    fi
    cpack -B build/packages --config "$built/CPackConfig.cmake"
    rm -rf build/packages/_CPack_Packages
}

build_in_container() {
    local container tag=localhost/sluice-package:$1
    locked build_stage "$1" "$tag" --target package
    container=$(store from --pull-never "$tag")
    cp "$(store mount "$container")"/*.deb build/packages
    store rm "$container" >/dev/null
}

if [[ ${1:-} == --of ]]; then
    built=$2
    shift 2
fi
# What is left of other builds would be installed along.
rm -rf build/packages
mkdir -p build/packages
# shellcheck source=/dev/null
here=$(. /etc/os-release && echo "$VERSION_CODENAME")
for suite in "${@:-$here}"; do
    if [[ $suite == "$here" ]]; then
        build_here
    else
        build_in_container "$suite"
    fi
done
ls build/packages/*.deb
