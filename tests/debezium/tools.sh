# shellcheck shell=bash
# Sourced: Debezium's connector for PostgreSQL and a converter that writes Avro, plugins of Kafka
# Connect, kept for all checkouts of this user.
debezium_version=3.6.0.Final
debezium_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/debezium-$debezium_version

install_debezium() {
    local temporary here
    [[ -d $debezium_home ]] && return 0
    here=$(dirname "${BASH_SOURCE[0]}")
    mkdir -p "$(dirname "$debezium_home")"
    temporary=$(mktemp -d "$debezium_home.XXXXXX")
    # From there: Maven notes where it runs what it has unpacked, and does it only once.
    if ! (cd "$temporary" && mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
        -Dartifact="io.debezium:debezium-connector-postgres:$debezium_version:tar.gz:plugin" \
        -DoutputDirectory="$temporary/plugins" >&2) ||
        ! mvn -q -B -f "$here/pom.xml" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DincludeScope=runtime -DexcludeGroupIds=org.apache.kafka \
            -DoutputDirectory="$temporary/avro-converter" >&2; then
        rm -rf "$temporary"
        return 1
    fi
    # In one step: another one may be at it too, and the second one is told so.
    mv -T "$temporary" "$debezium_home" 2>/dev/null || rm -rf "$temporary"
}
