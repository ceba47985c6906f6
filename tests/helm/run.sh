#!/usr/bin/env bash
# run.sh COMMAND…: with the tools of tools.sh in front: helm, promtool, prometheus, and a python that
# knows Kubernetes' schemas.
set -euo pipefail
# shellcheck source=tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
PATH=$python_home/bin:$helm_home:$prometheus_home:$PATH PYTHONDONTWRITEBYTECODE=1 exec "$@"
