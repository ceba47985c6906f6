#!/usr/bin/env bash
# What is in the image: prints size, packages and programs beyond the base, and fails when there is
# more than shared libraries and sluice.
set -euo pipefail
# shellcheck source=store.sh
source "$(dirname "${BASH_SOURCE[0]}")/store.sh"

wrong=0
complain() {
    printf 'WRONG: %s\n' "$*"
    wrong=1
}
expect() {
    [[ $2 == "$3" ]] || complain "$1 is '$2', not '$3'"
}

of_base=$(store from --pull-never "$base")
of_image=$(store from --pull-never "$image")
of_description=$(store from --pull-never "$description")
trap 'store rm "$of_base" "$of_image" "$of_description" >/dev/null' EXIT
base_root=$(store mount "$of_base")
image_root=$(store mount "$of_image")

# beyond_base COMMAND…: what it prints in the image and not in the base.
beyond_base() {
    comm -13 <(cd "$base_root" && "$@" | sort) <(cd "$image_root" && "$@" | sort)
}
# shellcheck disable=SC2016,SC2317  # dpkg-query's own variables; called by beyond_base, as all here
packages() { dpkg-query --admindir=var/lib/dpkg -W -f '${Package}\n'; }
# shellcheck disable=SC2317
programs() {
    find . -xdev \( -path ./etc -o -path ./proc -o -path ./var/lib/dpkg \) -prune -o \
        -type f -perm /111 ! -name "*.so*" -print
}
# shellcheck disable=SC2317
privileged() { find . -xdev -type f -perm /6000 -print; }
# shellcheck disable=SC2317
writable() { find . -xdev \( -type f -o -type d \) -perm -0002 -print; }

mapfile -t added < <(beyond_base packages)
size_of() { du -sx --block-size=1M "$1" | cut -f1; }
printf 'size: %s MiB, of which the base has %s MiB\n' "$(size_of "$image_root")" "$(size_of "$base_root")"
printf 'packages beyond the base: %s\n' "${added[*]}"
for package in "${added[@]}"; do
    if [[ ! $package =~ ^lib || $package =~ -(dev|bin|tools|utils)$ ]]; then
        complain "package $package is no shared library"
    fi
done
expect 'programs beyond the base' "$(beyond_base programs | paste -sd' ')" ./usr/local/bin/sluice
expect 'privileged programs beyond the base' "$(beyond_base privileged)" ''
expect 'places beyond the base that all may write to' "$(beyond_base writable)" ''
for program in gcc g++ cc c++ make cmake ccache pip pip3 python3 curl wget psql openssl nc ssh git; do
    found=$(find "$image_root" -xdev -path '*bin/*' -name "$program")
    expect "$program" "$found" ''
done
expect 'missing shared libraries' "$(store run --isolation chroot "$of_image" -- \
    ldd /usr/local/bin/sluice | grep 'not found' || true)" ''

# The description beside it: every package once, the program itself, and what was compiled in.
described=$(store mount "$of_description")/sluice.cdx.json
components() {
    python3 -c 'import json, sys
for component in json.load(open(sys.argv[1]))["components"]:
    if component.get("properties", [{}])[0].get("value") == sys.argv[2]:
        print(component["name"], component["version"])' "$described" "$1" | sort
}
# shellcheck disable=SC2016  # dpkg-query's own variables
expect 'described packages' "$(components shared | md5sum)" \
    "$(dpkg-query --admindir="$image_root/var/lib/dpkg" -W -f '${Package} ${Version}\n' | sort | md5sum)"
[[ $(components compiled-in) == *libboost*libtomlplusplus-dev* ]] || complain "headers are not described"
grep -q "$(sha256sum "$image_root/usr/local/bin/sluice" | cut -d ' ' -f 1)" "$described" ||
    complain "another program is described"

setting() { store inspect --type image --format "{{$1}}" "$image"; }
expect USER "$(setting .OCIv1.Config.User)" 65532:65532
expect ENTRYPOINT "$(setting .OCIv1.Config.Entrypoint)" '[sluice]'
expect CMD "$(setting .OCIv1.Config.Cmd)" '[run --config /etc/sluice/sluice.toml]'
expect HEALTHCHECK "$(setting .Docker.Config.Healthcheck)" '<nil>'
for label in title description licenses base.name version revision; do
    [[ -n $(setting "index .OCIv1.Config.Labels \"org.opencontainers.image.$label\"") ]] ||
        complain "label org.opencontainers.image.$label is missing"
done
version=$(store run --isolation chroot "$of_image" -- sluice version | cut -d " " -f 1-2)
expect 'sluice version' "$version" \
    "sluice $(setting 'index .OCIv1.Config.Labels "org.opencontainers.image.version"')"
expect 'its user' "$(store run --isolation chroot "$of_image" -- id -u)" 65532
exit "$wrong"
