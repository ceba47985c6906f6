#!/usr/bin/env bash
# run.sh COMMAND…: with a python in front that knows JSON Schema and OpenAPI.
set -euo pipefail
# shellcheck source=tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
install_descriptions
PATH=$descriptions_home/bin:$PATH PYTHONDONTWRITEBYTECODE=1 exec "$@"
