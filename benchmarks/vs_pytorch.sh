#!/bin/bash
# Times the whole network beside the PyTorch reference on the CPU, turn about, so that a change of the
# machine's speed meets both. Prints the median images/s of each and their ratio (above 1: sanlcl is faster),
# and the peak memory of the processes, with the training step and without it.
#
#   benchmarks/vs_pytorch.sh [ROUNDS] [--backbone NAME] [--block NAME] [--size PIXELS] [--batch COUNT]
#
# Default: 3 rounds of resnet101, sanl, 224 px, batch 4. PyTorch gets as many threads as there are processors;
# SANLCL_DEVICE chooses the OpenCL device. Needs Debian's python3-torch and python3-torchvision and, for
# PyTorch at its best, libopenblas0-pthread in place of the reference BLAS.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=/usr/bin/python3

rounds=3
if [[ ${1-} =~ ^[1-9][0-9]*$ ]]; then
    rounds=$1
    shift
fi
network=(--backbone resnet101 --block sanl --size 224 --batch 4)
while [[ $# != 0 ]]; do
    case $1 in
    --backbone | --block | --size | --batch)
        network+=("$1" "${2:?$1 needs a value}")
        shift 2
        ;;
    *)
        echo "vs_pytorch: unknown argument '$1'; options: [ROUNDS] --backbone --block --size --batch" >&2
        exit 2
        ;;
    esac
done
# A later value of an option replaces the default.
declare -A value
for ((i = 0; i < ${#network[@]}; i += 2)); do
    value[${network[i]}]=${network[i + 1]}
done
network=()
for option in --backbone --block --size --batch; do
    network+=("$option" "${value[$option]}")
done

if ! "$python" -c 'import torch, torchvision' 2>/dev/null; then
    echo "vs_pytorch: $python has no PyTorch: apt install python3-torch python3-torchvision" >&2
    exit 1
fi
if ! /sbin/ldconfig -p | grep -qE 'libopenblas\.|libblis\.|libmkl_rt\.'; then
    echo "vs_pytorch: PyTorch would use the slow reference BLAS: apt install libopenblas0-pthread" >&2
    exit 1
fi
"$root/scripts/setup.sh"
(cd "$root" && cmake --preset release >/dev/null && cmake --build build/release >/dev/null)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Lines "gradcam 12.3 ms 4.56 images/s" of one run become "gradcam WHO 4.56", "peak memory 1.2 GiB" becomes
# "memory WHO 1.2" after the name of the peak.
time_one() { # WHO NAME-OF-PEAK COMMAND...
    local who=$1 peak=$2
    shift 2
    if ! "$@" >"$work/out"; then
        cat "$work/out" >&2
        echo "vs_pytorch: $who failed: $*" >&2
        exit 1
    fi
    echo "-- $who"
    cat "$work/out"
    awk -v who="$who" '$3 == "ms" && $5 == "images/s" { print $1, who, $4 }' "$work/out" >>"$work/results"
    awk -v who="$who" -v peak="$peak" '/^peak memory/ { print peak, who, $3 }' "$work/out" >>"$work/results"
}
for ((round = 1; round <= rounds; round++)); do
    echo "== round $round of $rounds: ${network[*]}"
    time_one sanlcl memory-train "$root/build/release/sanlcl" bench --network "${network[@]}"
    time_one pytorch memory-train "$python" "$root/tests/reference/bench_reference.py" \
        --threads "$(nproc)" "${network[@]}"
done
cp "$work/results" "$work/rounds"
echo "== inference alone, once, for its memory"
time_one sanlcl memory-infer "$root/build/release/sanlcl" bench --network --inference --runs 1 "${network[@]}"
time_one pytorch memory-infer "$python" "$root/tests/reference/bench_reference.py" --inference --runs 1 \
    --threads "$(nproc)" "${network[@]}"
grep '^memory-infer' "$work/results" >>"$work/rounds"
mv "$work/rounds" "$work/results"

median() { # STAGE WHO
    awk -v stage="$1" -v who="$2" '$1 == stage && $2 == who { print $3 }' "$work/results" | sort -g |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
echo "== medians of $rounds rounds, images/s"
printf '%-12s %10s %10s %8s\n' '' sanlcl pytorch ratio
compare() { # STAGE
    awk -v stage="$1" -v ours="$(median "$1" sanlcl)" -v theirs="$(median "$1" pytorch)" \
        'BEGIN { printf "%-12s %10.3f %10.3f %8.2f\n", stage, ours, theirs, theirs ? ours / theirs : 0 }'
}
for stage in gradcam network inference train; do
    compare $stage
done
echo "== peak memory, GiB"
for stage in memory-infer memory-train; do
    compare $stage
done
