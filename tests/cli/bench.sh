#!/bin/sh
# The benchmark: bench.sh PROGRAM
. "${0%/*}/expect.sh"

small='--backbone resnet18 --size 32 --batch 2 --runs 1 model.width=8'

case=$("$program" bench --help | sed -n "s/.*network's: '\(.*\)'.*/\1/p")
check 'the help shows a shape' '[ -n "$case" ]'
expect 0 'conv2d weight in=' 'device' bench --peak --op conv2d --shape "$case" --least 0.001 \
    --json "$folder/peak.json"
check 'peaks are printed' 'grep -q "^multiply-add *[1-9][0-9.]* GFLOP/s" "$folder/out"'
check 'no peak is zero' '! grep -q "\"[a-z_]*_s\": -*0[.,]0*[,]*$" "$folder/peak.json"'
check 'the rates of JSON' 'grep -q "\"copy_bytes_s\": [1-9]" "$folder/peak.json"'
expect 0 '^100.0% .* all$' 'device' bench --ops $small --inference --least 0.0001
check 'an inference has no gradients of weights' '! grep -q " weight " "$folder/out"'
check 'columns' 'awk "length > 110 { exit 1 }" "$folder/out"'
expect 0 '^train .* GFLOP/s' 'device' bench --network $small --json "$folder/network.json"
check 'stages in JSON' '[ $(grep -c "\"stage\"" "$folder/network.json") = 4 ]'

expect 0 '^inference, all 1 runs:' 'device' bench --network $small --inference --profile \
    --json "$folder/profile.json"
check 'operators in JSON' 'grep -q "\"name\": \"conv2d forward" "$folder/profile.json"'
check 'one table of operators' '[ $(grep -c "  operator$" "$folder/out") = 1 ]'
mkdir "$folder/drawn"
TMPDIR=$folder/drawn expect 0 '^loader, 1 worker .* images/s, .* a core' '' bench --loader data.workers=1 \
    --json "$folder/loader.json"
check 'the loader in JSON' 'grep -q "\"core_seconds\": [0-9]" "$folder/loader.json"'
check 'the drawn pictures are gone' '[ -z "$(ls "$folder/drawn")" ]'
expect 0 'activations' 'device' bench --loader --memory --backbone resnet18 --size 32
expect 0 'inference at batch 2' 'device' bench --memory --inference --batch 2 \
    --config "${0%/*}/../../configs/synth_landmark.yaml"
expect 1 '' '/nowhere: no such folder (data.root)' bench --loader data.root=/nowhere

expect 2 '^resnet101' "there is no operator 'nosuch'; expected one of: adam" bench --op nosuch
expect 2 '' 'needs --op' bench --shape in=1,1,1,1
expect 2 '' "'in=1' is neither in=N,H,W,C" bench --op conv2d --shape in=1
expect 2 '^resnet18' "the network has no operator 'adam'" bench --op adam $small
expect 2 '' 'the route is tile already' bench --op relu --gemm tile --vs-route tile
expect 2 '' 'go with --network alone' bench --peak --profile
expect 2 '' "both would write '$folder/x.json'" bench --network --trace "$folder/x.json" \
    --json "$folder/x.json"
expect 1 '^resnet101' 'more than 2^31 elements.*; a batch of [0-9]* fits;' bench --network --batch 4096 \
    --size 224
expect 2 '' 'cout: expected a whole number from 1 to 16777216, found 4.5' bench --op conv2d \
    --shape 'in=1,2,2,8 cout=4.5'
expect 2 '' 'describes the operator completely: leave out' bench --op relu --shape in=1,2,2,8 --batch 8
expect 2 '' "--json: expected FILE after it, found ''" bench --peak --json ''
expect 0 'relu forward .*train=0' 'device' bench --op relu --shape in=1,2,2,8 --inference --least 0.001
expect 2 '' 'has no elements' bench --op conv2d --shape 'in=0,2,2,8 cout=8'
expect 2 '' 'suit neither this shape nor this route' bench --op conv2d --gemm wide \
    --shape 'in=1,2,2,8 cout=8 choice=tile-64x64'
expect 1 '' 'nosuch/x.json' bench --peak --json "$folder/nosuch/x.json"

for command in 'bench --ops --batch 1 --least 5 --backbone resnet18 --size 64' \
    'bench --network --batch 8 --backbone resnet18 --size 224 --runs 100' selftest; do
    : >"$folder/out"
    "$program" $command >"$folder/out" 2>"$folder/err" &
    tries=0
    while [ ! -s "$folder/out" ] && [ $((tries += 1)) -le 300 ]; do
        sleep 0.2
    done
    kill -INT $!
    wait $!
    check "a signal stops $command" "[ $? = 130 ] && grep -q '^sanlcl: interrupted: .*stopped' '$folder/err'"
done

tune() {
    XDG_CACHE_HOME=$folder/cache "$program" tune --batch 2 --budget 0.0001 model.backbone=resnet18 \
        model.size=32 model.width=8 >"$folder/out" 2>"$folder/err"
}
check 'tuning' 'tune && grep -q "^1 of [0-9]* shapes tuned, [0-9]* left" "$folder/out"'
check 'what was tuned is kept' 'grep -q "^conv2d .* n=2 = " "$folder"/cache/sanlcl/tuned-*.txt'
check 'tuning goes on' 'tune && grep -q "^2 of [0-9]* shapes tuned, 1 of them in this run" "$folder/out"'
check 'its device is named' 'grep -q "^device [0-9]*: ." "$folder/err"'
check 'times and gains' 'grep -q "^ *[0-9]*/[0-9]* .* ms .* x  .* conv2d " "$folder/out"'
expect 2 '' 'exclude each other' tune --quick --full
expect 2 '' 'no.such' tune no.such=1

finish
