#!/bin/bash
# Installs what is missing, builds, and runs the tests.
#
#   scripts/test.sh [OPTION ...]     options of ctest, e.g. -R conv2d
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/setup.sh"
(cd "$root" && cmake --preset release >/dev/null && cmake --build build/release)
exec ctest --test-dir "$root/build/release" --output-on-failure -j2 "$@"
