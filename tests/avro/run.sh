#!/usr/bin/env bash
# run.sh COMMAND…: with a python in front that knows fastavro.
set -euo pipefail
# shellcheck source=tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
install_fastavro
PATH=$fastavro_home/bin:$PATH PYTHONDONTWRITEBYTECODE=1 exec "$@"
