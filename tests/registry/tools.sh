# shellcheck shell=bash
# Sourced: clients of schema registries that are not ours, and a registry, kept for all checkouts of
# this user. Nothing here needs root or touches the rest of the machine.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
clients_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/registry-clients-2.16.1
apicurio_version=2.6.13.Final
apicurio_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/apicurio-$apicurio_version

install_registry_clients() {
    install_python "$clients_home" 'confluent-kafka[avro,protobuf]==2.16.1' 'fastavro==1.13.1'
}

install_apicurio() {
    local temporary
    [[ -d $apicurio_home ]] && return 0
    mkdir -p "$(dirname "$apicurio_home")"
    temporary=$(mktemp -d "$apicurio_home.XXXXXX")
    # From there: Maven notes where it runs what it has unpacked, and does it only once.
    if ! (cd "$temporary" && mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
        -Dartifact="io.apicurio:apicurio-registry-app:$apicurio_version:tar.gz:all" \
        -DoutputDirectory="$temporary" >&2); then
        rm -rf "$temporary"
        return 1
    fi
    # In one step: another one may be at it too, and the second one is told so.
    mv -T "$temporary" "$apicurio_home" 2>/dev/null || rm -rf "$temporary"
}
