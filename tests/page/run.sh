#!/usr/bin/env bash
# run.sh COMMAND…: with a python in front that knows axe-core and Chromium.
set -euo pipefail
# shellcheck source=tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
install_page_tools
PATH=$page_home/bin:$PATH PYTHONDONTWRITEBYTECODE=1 exec "$@"
