#!/bin/bash
# Times the whole network beside the PyTorch reference, turn about, so that a change of the machine's speed
# meets both. Prints the median images/s of each and their ratio (above 1: sanlcl is faster), and the peak
# memory, with the training step and without it: of the processes, on a GPU of its buffers.
#
#   benchmarks/vs_pytorch.sh [ROUNDS] [--backbone NAME] [--block NAME] [--size PIXELS] [--batch COUNT]
#                            [--runs COUNT] [--python FILE] [--cuda] [--program FILE]
#
# Default: 3 rounds of resnet101, sanl, 224 px, batch 4. PyTorch gets as many threads as there are processors;
# SANLCL_DEVICE chooses the OpenCL device. Needs Debian's python3-torch and python3-torchvision and, for
# PyTorch at its best, libopenblas0-pthread in place of the reference BLAS. --python adds the PyTorch of
# another interpreter, as one of a virtual environment with a newer release, which uses its fused attention;
# the ratio is to the faster of the two, and for memory to the smaller. --cuda: PyTorch on its GPU, in float32
# without TF32, by the interpreters of --python alone if there are any; sanlcl's device should be that GPU,
# too. --program: a sanlcl that is built already.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pythons=() runs=() on_gpu=() program=
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
    --runs)
        runs=("$1" "${2:?$1 needs a value}")
        shift 2
        ;;
    --python)
        pythons+=("${2:?$1 needs a value}")
        shift 2
        ;;
    --cuda)
        on_gpu=(--device cuda)
        shift
        ;;
    --program)
        program=$(realpath "${2:?$1 needs a value}")
        shift 2
        ;;
    *)
        echo "vs_pytorch: unknown argument '$1'; options: [ROUNDS] --backbone --block --size --batch" \
            "--runs --python --cuda --program" >&2
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

if [[ ${#on_gpu[@]} == 0 || ${#pythons[@]} == 0 ]]; then
    pythons=(/usr/bin/python3 "${pythons[@]}")
fi
missing=0
for python in "${pythons[@]}"; do
    for module in torch torchvision; do
        if ! "$python" -c "import $module" 2>/dev/null; then
            if [[ $python == /usr/bin/python3 ]]; then
                source="apt install python3-$module"
            else
                source="$python -m pip install $module"
            fi
            echo "vs_pytorch: $python has no $module: $source" >&2
            missing=1
        fi
    done
done
if [[ ${#on_gpu[@]} == 0 ]] &&
    ! /sbin/ldconfig -p | grep -E 'libopenblas\.|libblis\.|libmkl_rt\.' >/dev/null; then
    echo "vs_pytorch: PyTorch would use the slow reference BLAS: apt install libopenblas0-pthread" >&2
    missing=1
fi
if [[ $missing == 1 ]]; then
    exit 1
fi
release() { # PYTHON: of its PyTorch, as 1.13
    "$1" -c 'import torch; print(".".join(torch.__version__.split(".")[:2]))'
}
fused_of() { # PYTHON: prints --fused where scaled_dot_product_attention takes a scale
    if [[ $(printf '2.1\n%s\n' "$(release "$1")" | sort -V | head -n 1) == 2.1 ]]; then
        echo --fused
    fi
}
if [[ ${#on_gpu[@]} != 0 ]]; then
    for python in "${pythons[@]}"; do
        if ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
            echo "vs_pytorch: the PyTorch of $python finds no GPU" >&2
            exit 1
        fi
    done
fi
if [[ -z $program ]]; then
    program=$root/build/release/sanlcl
    "$root/scripts/setup.sh"
    (cd "$root" && cmake --preset release >/dev/null && cmake --build build/release >/dev/null)
fi

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
    time_one sanlcl memory-train "$program" bench --network "${runs[@]}" "${network[@]}"
    for i in "${!pythons[@]}"; do
        # shellcheck disable=SC2046
        time_one "pytorch$i" memory-train "${pythons[i]}" "$root/tests/reference/bench_reference.py" \
            --threads "$(nproc)" $(fused_of "${pythons[i]}") "${on_gpu[@]}" "${runs[@]}" "${network[@]}"
    done
done
cp "$work/results" "$work/rounds"
echo "== inference alone, once, for its memory"
time_one sanlcl memory-infer "$program" bench --network --inference --runs 1 "${network[@]}"
for i in "${!pythons[@]}"; do
    # shellcheck disable=SC2046
    time_one "pytorch$i" memory-infer "${pythons[i]}" "$root/tests/reference/bench_reference.py" --inference \
        --runs 1 --threads "$(nproc)" $(fused_of "${pythons[i]}") "${on_gpu[@]}" "${network[@]}"
done
grep '^memory-infer' "$work/results" >>"$work/rounds"
mv "$work/rounds" "$work/results"

median() { # STAGE WHO
    awk -v stage="$1" -v who="$2" '$1 == stage && $2 == who { print $3 }' "$work/results" | sort -g |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
compare() { # STAGE BETTER: the peer whose figure is higher, or lower, is the one to beat
    local i figures=()
    for i in "${!pythons[@]}"; do
        figures+=("$(median "$1" "pytorch$i")")
    done
    printf '%s\n' "${figures[@]}" | sort -g | awk -v stage="$1" -v better="$2" \
        -v ours="$(median "$1" sanlcl)" -v all="${figures[*]}" '{ v[NR] = $1 } END {
        best = better == "higher" ? v[NR] : v[1]
        printf "%-12s %10.3f", stage, ours; n = split(all, one, " ")
        for (i = 1; i <= n; i++) printf " %10.3f", one[i]
        printf " %8.2f\n", best ? ours / best : 0 }'
}
heading() { # WHAT
    echo "== $1"
    printf '%-12s %10s' '' sanlcl
    local python
    for python in "${pythons[@]}"; do
        printf ' %10s' "torch $(release "$python")"
    done
    printf ' %8s\n' ratio
}
heading "medians of $rounds rounds, images/s"
for stage in gradcam network inference train; do
    if grep -q "^$stage sanlcl" "$work/results"; then # without maps there is no Grad-CAM
        compare $stage higher
    fi
done
heading "peak memory, GiB"
for stage in memory-infer memory-train; do
    compare $stage lower
done
