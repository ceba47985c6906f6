#!/bin/sh
# sbom.sh PROGRAM HEADERS: what is in the image in which this runs, as CycloneDX, to standard output.
# PROGRAM is sluice; HEADERS are packages that were compiled into it, as described_packages prints
# them. No times and no random numbers: the same image has the same description.
set -eu

# As dpkg-query -f has it; Debian's name comes into the package's URL.
# shellcheck disable=SC2016  # dpkg-query's own variables
format='${Package}\t${Version}\t${Architecture}\n'

# described_packages [PACKAGE…]: all that are installed, or these.
described_packages() { dpkg-query -W -f "$format" "$@"; }

# The lines of described_packages as components; $1 says how they are in it.
components() {
    # shellcheck disable=SC1091
    . /etc/os-release
    LC_ALL=C sort | awk -F '\t' -v how="$1" -v debian="$VERSION_ID" '$2 != "" {
        version = $2
        gsub(/\+/, "%2B", version)
        gsub(/:/, "%3A", version)
        url = "pkg:deb/debian/" $1 "@" version "?arch=" $3 "&distro=debian-" debian
        printf ",\n    {\"type\": \"library\", \"bom-ref\": \"%s\", \"name\": \"%s\", ", url, $1
        printf "\"version\": \"%s\", \"purl\": \"%s\", ", $2, url
        printf "\"properties\": [{\"name\": \"sluice:linked\", \"value\": \"%s\"}]}", how
    }'
}

if [ "$1" = --packages ]; then
    shift
    described_packages "$@"
    exit
fi
program=$1
headers=$2
version=$("$program" version | cut -d ' ' -f 2)
hash=$(sha256sum "$program" | cut -d ' ' -f 1)
cat <<END
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "version": 1,
  "metadata": {"component": {"type": "container", "bom-ref": "image", "name": "sluice", "version": "$version"}},
  "components": [
    {"type": "application", "bom-ref": "sluice", "name": "sluice", "version": "$version",
     "licenses": [{"license": {"id": "Apache-2.0"}}],
     "hashes": [{"alg": "SHA-256", "content": "$hash"}]}$(
    described_packages | components shared
    components compiled-in <"$headers"
)
  ]
}
END
