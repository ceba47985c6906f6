#!/usr/bin/env bash
# run.sh COMMAND…: with a registry, and a python in front that knows its clients.
set -euo pipefail
# shellcheck source=tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
install_registry_clients
install_apicurio
PATH=$clients_home/bin:$PATH SLUICE_APICURIO=$apicurio_home PYTHONDONTWRITEBYTECODE=1 exec "$@"
