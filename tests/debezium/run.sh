#!/usr/bin/env bash
# run.sh COMMAND…: with Debezium's plugins and a registry.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=tools.sh
source "$here/tools.sh"
# shellcheck source=../registry/tools.sh
source "$here/../registry/tools.sh"
install_debezium
install_apicurio
SLUICE_DEBEZIUM=$debezium_home SLUICE_APICURIO=$apicurio_home exec "$@"
