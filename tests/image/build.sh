#!/usr/bin/env bash
# Builds the image from the checkout as a user would, and its description.
set -euo pipefail
# shellcheck source=store.sh
source "$(dirname "${BASH_SOURCE[0]}")/store.sh"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
locked build_stage trixie "$image" --build-arg "REVISION=$(git rev-parse HEAD)"
locked build_stage trixie "$description" --target sbom
echo "built $image and $description"
