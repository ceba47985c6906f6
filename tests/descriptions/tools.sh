# shellcheck shell=bash
# Sourced: a JSON Schema, an OpenAPI and its fuzzer, and an editor's TOML that are not ours, for all checkouts of this user.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
descriptions_home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/descriptions-3

install_descriptions() {
    install_python "$descriptions_home" 'jsonschema==4.26.0' 'openapi-spec-validator==0.9.0' \
        'schemathesis==4.32.5' 'taplo==0.9.3'
}
