#!/usr/bin/env bash
# A Debian to try packages in. root.sh new SUITE: prints a container's name and where its files are;
# root.sh in CONTAINER COMMAND…: runs it there, /packages being build/packages; root.sh drop CONTAINER.
set -euo pipefail
# shellcheck source=../image/store.sh
source "$(dirname "${BASH_SOURCE[0]}")/../image/store.sh"
packages=$(realpath -m "$(dirname "${BASH_SOURCE[0]}")/../../build/packages")
mkdir -p "$packages"
command=$1 what=$2
shift 2
case $command in
new)
    locked make_base "$what"
    container=$(store from --pull-never "$(base_of "$what")")
    printf '%s\n%s\n' "$container" "$(store mount "$container")"
    ;;
in) store run --isolation chroot --volume "$packages:/packages:ro" "$what" -- "$@" ;;
drop) store rm "$what" ;;
esac
