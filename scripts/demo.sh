#!/bin/bash
# Installs what is missing, builds, and runs the demonstration: data, training, evaluation, pictures.
#
#   scripts/demo.sh [OPTION ...]     options of `sanlcl demo`; without --out, the results go to demo/
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/setup.sh"
(cd "$root" && cmake --preset release >/dev/null && cmake --build build/release)
if [[ " $* " != *" --out"[=\ ]* ]]; then
    set -- --out "$root/demo" "$@"
fi
exec "$root/build/release/sanlcl" demo "$@"
