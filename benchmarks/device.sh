#!/bin/bash
# What is worth knowing of a device, in the order in which one wants to know it: are the numbers right, what
# could it do, what does the network reach, by batch and by size, and where does the time go.
#
#   benchmarks/device.sh [--quick] [--program FILE] [OPTION ...]
#
# OPTIONs are those of 'sanlcl bench' that choose a network, as --backbone resnet50, or a device: --device and
# --gemm go to the checks, too. --quick leaves out sizes, operators one by one and most batches.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$root/build/release/sanlcl
batches=(1 2 4 8 16) sizes=(224 320 448) quick=
options=() device=()
while [ $# != 0 ]; do
    case $1 in
    --quick)
        quick=yes batches=(1 4) sizes=()
        shift
        ;;
    --program)
        program=$(realpath "${2:?--program needs a file}")
        shift 2
        ;;
    --batch | --size | model.size=*)
        echo "device.sh: the batches and sizes are its own: without ${1%=*}" >&2
        exit 2
        ;;
    --device | --gemm)
        device+=("$1" "${2:?$1 needs a value}")
        shift 2
        ;;
    *)
        options+=("$1")
        shift
        ;;
    esac
done

failed=0
run() { # ARGUMENT ...
    echo
    echo "\$ sanlcl $*"
    "$program" "$@"
    local code=$?
    [ "$code" != 130 ] || exit 130
    [ "$code" = 0 ] || failed=1
}

"$program" devices || exit 1
run selftest "${device[@]}"
run selftest "${device[@]}" --golden "$root"/tests/reference/golden/*.safetensors
run bench "${device[@]}" --peak
for batch in "${batches[@]}"; do
    run bench "${device[@]}" "${options[@]}" --network --batch "$batch"
done
for size in "${sizes[@]}"; do
    run bench "${device[@]}" "${options[@]}" --network --batch 4 --size "$size"
done
run bench "${device[@]}" "${options[@]}" --network --batch 4 --profile
[ -n "$quick" ] || run bench "${device[@]}" "${options[@]}" --ops --batch 4
exit "$failed"
