#!/bin/sh
# Checks the program's help, usage errors and exit codes: run.sh PROGRAM
. "${0%/*}/expect.sh"

# The program as a whole.
expect 0 '^sanlcl [0-9]' '' --version
expect 0 '^usage: sanlcl COMMAND' '' help
expect 0 '^usage: sanlcl COMMAND' '' --help
expect 2 '' '^usage: sanlcl COMMAND'
expect 2 '' "^sanlcl: unknown command 'confgi'; did you mean 'config'?" confgi
expect 2 '' "^sanlcl: unknown command 'xyz'" help xyz
expect 2 '' "^sanlcl: unknown command 'x?z'" "x
z"
expect 2 '' "^sanlcl config: unexpected argument 'x?z'" config "x
z"

# Every command: its help, an unknown option, and a help that cannot be written.
commands=$("$program" help | sed -n 's/^  \([a-z]*\) .*/\1/p')
check 'the commands are listed' '[ $(echo $commands | wc -w) -ge 2 ]'
for command in $commands; do
    expect 0 "^usage: sanlcl $command" '' "$command" --help
    expect 0 "^usage: sanlcl $command" '' help "$command"
    expect 2 '' "^sanlcl $command: unknown option '--hepl'; did you mean '--help'?" "$command" --hepl
    check "$command: one line and a hint" '[ $(wc -l <"$folder/err") = 2 ]'
    if [ -w /dev/full ]; then
        "$program" "$command" --help >/dev/full 2>"$folder/err"
        check "$command --help >/dev/full" "[ $? = 1 ] && grep -q 'cannot write' '$folder/err'"
    fi
done

# Pretrained weights are the backbone's.
for config in "${0%/*}"/../../configs/*.yaml; do
    "$program" config --dump --config "$config" >"$folder/dump"
    check "$config is a configuration" "[ $? = 0 ]"
    weights=$(sed -n 's|^  pretrained: .*/\(resnet[0-9]*\)\.pth.*|\1|p' "$folder/dump")
    check "$config: $weights" '[ -z "$weights" ] || grep -q "^  backbone: $weights\b" "$folder/dump"'
done

# Options, overrides, configuration files.
expect 0 '^task: landmark' '' config --dump
expect 0 '  # sgd:' '' config --dump --help-comments
expect 0 '^  lr: 0.125' '' config --dump train.lr=0.125
expect 0 'valid' '' config
expect 2 '' 'help-comments needs --dump' config --help-comments
expect 2 '' "unknown key 'train.rl'; did you mean 'train.lr'?" config train.rl=1
expect 2 '' "train.lr: expected a number from 0 to 1000, found 'fast'" config train.lr=fast
expect 2 '' "train.beta2: expected a number from 0 to 0.999999, found '1'" config train.beta2=1
expect 2 '' '--config: expected FILE after it' config --config
expect 2 '' '--config is given twice' config --config a --config=b
expect 2 '' '--dump takes no value' config --dump=1
expect 2 '' "unexpected argument 'stray'" config stray
expect 2 '' "unexpected argument '--dump'" config -- --dump
expect 1 '' "^sanlcl: $folder/none.yaml: cannot open" config --config "$folder/none.yaml"
printf 'seed: 1\ntrain:\n  epohcs: 3\n' >"$folder/bad.yaml"
expect 1 '' "bad.yaml: line 3: unknown key 'train.epohcs'; did you mean 'train.epochs'?" \
    config --config "$folder/bad.yaml"
expect 1 '' 'model.size: expected a multiple of 32, found 100' config model.size=100
"$program" config --dump seed=77 >"$folder/a.yaml"
"$program" config --dump --config "$folder/a.yaml" >"$folder/b.yaml"
check 'a dump is read back' 'grep -q "^seed: 77" "$folder/b.yaml" && cmp -s "$folder/a.yaml" "$folder/b.yaml"'

# The layers of networks; the sums are those of PyTorch's modules.
totals() { sed -n 's/^\([0-9]*\) parameters.*/\1/p' "$folder/out" | tr '\n' ' '; }
expect 0 '^fc  *linear  *(1, 50, 1, 1) ' '' config --summary task=classify model.backbone=resnet18
check 'parameters of a classifier' '[ "$(totals)" = "11202162 " ]'
expect 0 '^37.9[0-9]* GFLOP' '' config --summary model.backbone=resnet101 model.width=256 model.size=224
check 'parameters of both networks' '[ "$(totals)" = "61249000 11202162 " ]'
check 'the table is narrow' '! grep -E "^.{111}" "$folder/out"'
for pair in 18:12358600 34:22466760 50:35332200; do
    expect 0 '^sanl.3.attention ' '' config --summary model.backbone=resnet${pair%:*} model.block=nonlocal \
        model.width=64
    check "parameters of $pair" "[ '$(totals)' = '${pair#*:} ' ]"
done
expect 0 '^sanl.3.gate ' '' config --summary --config "${0%/*}/../../configs/cub200.yaml"
check 'parameters of a classifier with blocks' '[ "$(totals)" = "54068360 11279112 " ]'
for node in 'sanl.0.concat .*(1, 33, 16, 16)' 'sanl.0.g.pool *pool2d max 2x2 /2 *(1, 8, 8, 8)'; do
    expect 0 "^$node" '' config --summary model.width=32 model.size=64 model.sanl.place=pyramid \
        model.sanl.map=concat model.sanl.gate=key model.sanl.ratio=4 model.sanl.pool=true
done
expect 0 '^  block: none$' '' config --dump task=classify
expect 2 '' '--dump and --summary do not go together' config --dump --summary

# What an export holds, and exports that cannot be.
expect 0 'of either, where another classifier guides the attention: cam4 .. cam32' '' export --help
expect 0 'or the classifier of its attention maps' '' export --help
expect 2 '' 'expected --weights FILE, --format FORMAT and --out FILE' export --weights a --out a.onnx
expect 2 '' "--format: expected one of safetensors, onnx, found 'tflite'" export --format tflite
expect 2 '' "--part: expected one of network, classifier, found 'half'" export --part half
expect 1 '' "^sanlcl: $folder/none.safetensors: cannot open" export --weights "$folder/none.safetensors" \
    --format onnx --out "$folder/none.onnx"
check 'nothing is left of it' '[ ! -e "$folder/none.onnx" ]'

# A data set, and an interrupt in the middle of one.
expect 2 '' '^sanlcl synth: expected OUT' synth
expect 2 '' "--layout: expected one of fld, deepfashion_c, .*, found 'voc'" synth --layout voc "$folder/data"
expect 2 '' "--count: expected a whole number from 1 to 99999999, found '0'" synth --count 0 "$folder/data"
expect 2 '' "--size: expected a whole number from 64 to 2048, found '64.5'" synth --size=64.5 "$folder/data"
expect 0 '3 pictures' '' synth --count 3 --size 64 "$folder/data"
check 'pictures are written' '[ -s "$folder/data/img/img_00000003.jpg" ]'
check 'landmarks are written' '[ -s "$folder/data/Anno/list_landmarks.txt" ]'
expect 0 '4 pictures' '' synth --count 4 --size 64 --val-share 1 --test-share 0 "$folder/shares"
check 'all are in one part' '[ $(grep -c " val$" "$folder/shares/Eval/list_eval_partition.txt") = 4 ]'
expect 2 '' 'share' synth --val-share 0.7 --test-share 0.7 "$folder/none"
expect 2 '' "expected the folder of the data set, found ''" synth ''
expect 1 '' '^sanlcl: /dev/null: cannot make the folder: Not a directory' synth --count 1 /dev/null
expect 2 '' "out: expected the folder of the run, found ''" train out= data.root="$folder/data"
expect 1 '' '/nowhere: no such folder (data.root)' train out="$folder/none" data.root=/nowhere
expect 1 '' "^sanlcl: $folder/data" synth --count 3 --size 64 "$folder/data"
"$program" synth --count 1000000 "$folder/stopped" >"$folder/out" 2>"$folder/err" &
sleep 1
kill -TERM $!
wait $!
check 'a signal stops the program' "[ $? = 130 ] && grep -q '^sanlcl: interrupted' '$folder/err'"
# A closed terminal sends several of its signals; where they are ignored the last one stops it.
"$program" synth --count 1000000 "$folder/closed" >"$folder/out" 2>"$folder/err" &
sleep 1
kill -HUP $!
kill -HUP $!
sleep 1
kill -TERM $! 2>/dev/null
wait $!
check 'a closed terminal stops it, too' "[ $? = 130 ] && grep -q '^sanlcl: interrupted' '$folder/err'"

# A full disk, as a limit on the size of a file: one line, and nothing is left.
limited() { (ulimit -f 1 && "$program" "$@" >"$folder/out" 2>"$folder/err"); }
limited synth --count 2 --size 512 "$folder/full"
check 'a full disk' "[ $? = 1 ] && grep -q '^sanlcl: .*img_0000000[12].jpg: .*File too large' '$folder/err'"
check 'no folder is left' '[ ! -e "$folder/full" ]'

# Devices.
expect 0 '"compute_units":' '' devices --json
expect 0 'abilities' '' devices
expect 1 '' '^sanlcl: no device 12345: there ' selftest --device 12345
expect 1 '' "^sanlcl: no device has 'nonesuch' in its name" selftest --device nonesuch
expect 1 '^resnet18' '^sanlcl: input image: a tensor has more than 2^31 elements' bench --network \
    --backbone resnet18 --block none --size 4096 --batch 2048
expect 0 '^  activations  *[1-9].*' '^device' bench --network --memory --backbone resnet18 --size 64
check 'both plans' '[ "$(grep -c "^  total  *[1-9]" "$folder/out")" = 2 ]'
expect 0 'training at batch 8 and inference at batch 2' '^device' train --memory model.backbone=resnet18 \
    model.size=64 train.batch=8 eval.batch=2
expect 1 '' '; a batch of [1-9][0-9]* fits (train.batch)' train --memory model.backbone=resnet18 \
    model.size=512 train.batch=5000
expect 1 '^resnet18' '; a batch of [1-9][0-9]* fits' bench --network --inference --backbone resnet18 \
    --block none --size 4096 --batch 2048
case=$("$program" selftest --help | sed -n "s/.*--case TEXT.*'\(.*\)'.*/\1/p")
check 'the help shows a case' '[ -n "$case" ]'
expect 0 '^conv2d .*passed' '^device' selftest --op conv2d --case "$case"

expect 2 '' "'in=1' is neither in=N,H,W,C" selftest --op conv2d --case in=1
expect 2 '' "there is no operator 'nosuch'; expected one of: adam" selftest --op nosuch

export POCL_SIGFPE_HANDLER=0
expect 1 '^conv2d .*1 FAILED' 'made in\[0\] empty' selftest --op conv2d --case 'in=0,4,4,8 cout=8'
unset POCL_SIGFPE_HANDLER

# PoCL with so many cores that a sum over pixels has hundreds of parts.
pocl=/etc/OpenCL/vendors/pocl.icd
if [ -e $pocl ]; then
    export OCL_ICD_VENDORS=$pocl POCL_MAX_PTHREAD_COUNT=384 POCL_CPU_MAX_CU_COUNT=384
    expect 0 'units  *384 at' '' devices
    expect 0 '^conv2d .*passed' '^device' selftest --op conv2d --case 'in=1,90,996,16 cout=16'
    unset OCL_ICD_VENDORS POCL_MAX_PTHREAD_COUNT POCL_CPU_MAX_CU_COUNT
fi

# PoCL alone and without a cache; it stays so for the rest.
export OCL_ICD_VENDORS
OCL_ICD_VENDORS=$pocl
if [ -e $pocl ]; then
    export POCL_CACHE_DIR=/dev/null/cache
    expect 1 '' 'PoCL, the driver for the CPU, cannot write its cache in /dev/null/cache: set' devices
fi

# No driver; stays so for the rest.
OCL_ICD_VENDORS=$folder/none
for command in devices selftest; do
    expect 1 '' '^sanlcl: no OpenCL platform found: install ' "$command"
done
expect 2 '' '--gemm: expected one of auto, wide, tile, clblast' selftest --gemm cublas

finish
