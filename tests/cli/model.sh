#!/bin/sh
# Trains tiny networks and checks what eval, predict, gradcam and export do with them: model.sh PROGRAM
. "${0%/*}/expect.sh"

data=$folder/data
classifier=$folder/cls/last.safetensors
landmark=$folder/lm/last.safetensors
tiny='model.backbone=resnet18 model.width=8 model.size=32 train.epochs=1 train.batch=4 eval.batch=4'

expect 0 '12 pictures' '' synth --count 12 --size 64 "$data"
expect 0 'last.safetensors' 'device' train task=classify model.classes=17 $tiny \
    data.root="$data" out="$folder/cls"
expect 0 'last.safetensors' 'device' train $tiny cam.weights="$classifier" \
    data.root="$data" out="$folder/lm"
check 'checkpoints are there' '[ -s "$classifier" ] && [ -s "$landmark" ]'

# Ctrl-C: the checkpoint is kept, and a run goes on from it.
wait_for() { # FILE: until it has something, for at most a minute
    tries=0
    while [ ! -s "$1" ] && [ $((tries += 1)) -le 300 ]; do
        sleep 0.2
    done
}
"$program" train $tiny train.epochs=100000 cam.mode=uniform data.root="$data" out="$folder/stopped" \
    >"$folder/out" 2>"$folder/err" &
wait_for "$folder/stopped/log.jsonl"
kill -INT $!
wait $!
check 'train is interrupted' "[ $? = 130 ] && grep -q 'interrupted: .* --resume goes on' '$folder/err'"
check 'the checkpoint is kept' '[ -s "$folder/stopped/last.safetensors" ]'
expect 0 '"path"' 'device' predict --weights "$folder/stopped/last.safetensors" "$data/img/img_00000001.jpg"

# What kernels take: tables, and a trace as JSON.
trace_is_sound() { # FILE: whole, with launches of kernels
    [ "$(tail -n 1 "$1")" = ']}' ] && grep -q '"name":"sgd","ph":"X"' "$1" && grep -q '"left_out":0}' "$1"
}
expect 0 '^ .*GFLOP/s .*operator' 'device' train $tiny cam.mode=uniform train.optimizer=sgd \
    data.root="$data" out="$folder/profiled" --profile --trace "$folder/trace.json"
check 'operators and kernels' 'grep -q "conv2d backward$" "$folder/out" && grep -q "  sgd sgd" "$folder/out"'
check 'the trace' 'trace_is_sound "$folder/trace.json"'
expect 0 '"path"' 'conv2d forward' predict --profile --weights "$landmark" "$data/img/img_00000001.jpg"
expect 0 '^mean ' 'conv2d forward' eval --profile --trace /dev/null --weights "$landmark"
expect 1 '' 'nosuch/t.json' predict --weights "$landmark" --trace "$folder/nosuch/t.json" "$data/img"

# eval
expect 0 '^mean ' 'images/s' eval --weights "$landmark" --csv "$folder/e.csv" \
    --json "$folder/e.json" --per-image "$folder/p.csv"
check 'a row for each landmark, and two means' '[ $(grep -c "^all," "$folder/e.csv") = 10 ]'
check 'the head of the CSV' 'head -n 1 "$folder/e.csv" |
    grep -qx "group,landmark,visible,ne_peer,ne,pdl,inpic,ne_inpic,labelled,pck,auc,epe"'
check 'all have as many fields' '[ $(awk -F, "{ print NF }" "$folder/e.csv" | sort -u) = 12 ]'
check 'JSON has the same' 'grep -q "\"landmark\": \"rhem\"" "$folder/e.json"'
check 'pictures one by one' '[ $(wc -l <"$folder/p.csv") -ge 2 ] && grep -q "img/img_" "$folder/p.csv"'
expect 0 '^baseline ' 'images/s' eval --weights "$landmark" --baseline --split val
expect 0 '^upper .*[0-9]$' 'images/s' eval --weights "$landmark" --details --per-image "$folder/p.jsonl"
check 'a line for each picture' '[ $(grep -c "^{\"record\": .*_epe\": .*}$" "$folder/p.jsonl") = \
    $(($(wc -l <"$folder/p.csv") - 1)) ]'
expect 0 '^MDDNet .* 0.0267$' 'images/s' eval --weights "$landmark" --published fld
cp "$folder/out" "$folder/plain"
check 'ours stand below' 'sed 1,/^MDDNet/d "$folder/out" | grep -q "^this: ne_peer .*[0-9]$"'
expect 2 '' 'expected one of quarter, dark, softargmax' eval --weights "$landmark" eval.decode=darker
expect 2 '' "--published: expected one of deepfashion_c, fld, found 'coco'" \
    eval --weights "$landmark" --published coco
expect 0 '^mean ' 'images/s' eval --weights "$landmark" --published fld eval.flip=true eval.decode=dark
check 'another decoding, other errors' '! cmp -s "$folder/out" "$folder/plain"'
expect 0 '^mean ' 'images/s' eval --weights "$landmark" --pdl "$folder/pdl.csv"
check 'the curve' '[ $(wc -l <"$folder/pdl.csv") = 102 ] && grep -q "^0,0," "$folder/pdl.csv"'
expect 0 '^mean ' 'images/s' eval --weights "$landmark" --pdl "$folder/pdl.png"
check 'the curve as a picture' 'head -c 4 "$folder/pdl.png" | grep -aq PNG'
expect 0 '^all ' 'images/s' eval --weights "$classifier" --per-image "$folder/c.json"
check 'JSON of pictures' 'grep -q "\"probability\":" "$folder/c.json"'
expect 0 '^Most confused' 'images/s' eval --weights "$classifier" --split train --confusion "$folder/m.csv"
check 'the matrix is shown' 'grep -q "^Pictures of the row" "$folder/out"'
check 'the matrix is square' '[ $(wc -l <"$folder/m.csv") = 18 ] && head -n 1 "$folder/m.csv" |
    awk -F, "NF != 18 || \$1 != \"category\" || \$18 == \"\" { exit 1 }"'
expect 2 '' 'only a classifier has a confusion matrix' \
    eval --weights "$landmark" --confusion "$folder/none.csv"

# A classifier with SANL blocks is one file, and has the maps that guide it.
guided=$folder/guided/last.safetensors
expect 0 'last.safetensors' 'device' train task=classify model.classes=17 model.block=sanl $tiny \
    cam.weights="$classifier" loss.label_smoothing=0.1 data.root="$data" out="$folder/guided"
mv "$classifier" "$classifier.away"
expect 0 '^all ' 'images/s' eval --weights "$guided"
expect 0 '"category":' 'device' predict --weights "$guided" "$data/img/img_00000001.jpg"
expect 0 '%' 'device' gradcam --weights "$guided" --out "$folder/maps" "$data/img/img_00000001.jpg"
cp "$folder/out" "$folder/likeliest"
for class in 3 5; do
    expect 0 '%' 'device' gradcam --weights "$guided" --class $class --out "$folder/maps$class" \
        "$data/img/img_00000001.jpg"
    check 'maps of another class change no answer' 'cmp -s "$folder/out" "$folder/likeliest"'
done
check 'but are others' '! cmp -s "$folder/maps3/img_00000001_cam4.png" "$folder/maps5/img_00000001_cam4.png"'
expect 0 '"category":' 'device' predict --weights "$guided" --cams "$folder/maps" "$data/img/img_00000001.jpg"
mv "$classifier.away" "$classifier"
expect 2 '' 'cam.weights: .* a classifier of 17 classes, expected one of the same 18' train task=classify \
    model.classes=18 model.block=sanl $tiny cam.weights="$classifier" data.root="$data" out="$folder/no"
cp -r "$data" "$folder/renamed"
sed '3s/^[^ ]*/Other/' "$data/Anno/list_category_cloth.txt" >"$folder/renamed/Anno/list_category_cloth.txt"
expect 0 '^all ' "category 1 is 'Blouse' in .*, but 'Other' in .*: are they numbered alike" \
    eval --weights "$classifier" data.root="$folder/renamed"
check 'names alike are no news' '"$program" eval --weights "$classifier" 2>&1 | grep -q "^all " &&
    ! "$program" eval --weights "$classifier" 2>&1 | grep -q "numbered alike"'
sed 's/ 0 \([0-9][0-9]* [0-9]\)/ 1 \1/g' "$data/Anno/list_landmarks.txt" \
    >"$folder/renamed/Anno/list_landmarks.txt"
expect 2 '' "part 'val' has no visible landmark in its box" train $tiny cam.mode=uniform \
    data.root="$folder/renamed" out="$folder/no"

# A state that does not count updates, as of a run that never changed its batch.
cp -r "$folder/lm" "$folder/uncounted"
LC_ALL=C sed 's/ updates / ....... /' "$folder/lm/state.safetensors" >"$folder/uncounted/state.safetensors"
check 'it counts none' '! grep -aq " updates " "$folder/uncounted/state.safetensors"'
expect 0 '^2 epochs ' 'device' train $tiny train.epochs=2 cam.weights="$classifier" \
    data.root="$folder/./data" out="$folder/uncounted" --resume
check 'its steps go on' 'grep -q "^2,4," "$folder/uncounted/epochs.csv"'
check 'its folder is the same, spelt otherwise' '! grep -q "looked for anew" "$folder/err"'
expect 2 '' 'expected --weights FILE' eval
expect 1 '' "$folder/none.safetensors: " eval --weights "$folder/none.safetensors"
expect 1 '' "$data/Anno/list_bbox.txt: " eval --weights "$data/Anno/list_bbox.txt"
expect 1 '' '/nowhere: no such folder (data.root)' eval --weights "$landmark" data.root=/nowhere
expect 2 '' "no part is called 'best'; known: train, val, test" eval --weights "$landmark" --split best
head -c 5000 "$landmark" >"$folder/cut.safetensors"
expect 1 '' "$folder/cut.safetensors: " eval --weights "$folder/cut.safetensors"

sed '1s/"version":"1"/"version":"9"/' "$landmark" >"$folder/new.safetensors"
expect 1 '' 'new.safetensors: a checkpoint of layout 9, ' eval --weights "$folder/new.safetensors"

# predict
image=$data/img/img_00000001.jpg
mkdir "$folder/other" "$folder/empty"
cp "$image" "$folder/other/img_00000001.jpg"
expect 0 '"name": "lcollar"' 'device' predict --weights "$landmark" "$image"
expect 0 '"box": \[1, 2, 40, 50.5\]' 'device' predict --weights "$landmark" --box 1,2,40,50.5 "$image"
expect 0 '"category":' 'device' predict --weights "$classifier" "$image"
expect 0 '"name": "lwaist"' 'device' predict --weights "$landmark" --clothes lower "$image"
expect 2 '' '--clothes: .skirt.: expected one of upper, lower, full' predict --weights "$landmark" \
    --clothes skirt "$image"
expect 0 '' 'device' predict --weights "$landmark" --csv "$folder/out.csv" "$data/img"
check 'a row for each picture' '[ $(wc -l <"$folder/out.csv") = 13 ]'
check 'sorted by name' '[ "$(sed -n 2,13p "$folder/out.csv")" = "$(sed -n 2,13p "$folder/out.csv" | sort)" ]'
expect 0 '' 'device' predict --weights "$landmark" --json "$folder/out.json" --overlay "$folder/a/b" \
    --heatmaps "$folder/a" --cams "$folder/a" --dump-tensors "$folder/d.safetensors" --threshold 0 \
    "$image" "$folder/other/img_00000001.jpg"
for kind in b/000001 b/000002; do
    check "$kind: an overlay" '[ -s "$folder/a/${kind}_img_00000001_overlay.png" ]'
done
check 'equal names do not meet' '[ $(ls "$folder"/a/*_heatmaps.png "$folder"/a/*_cams.png | wc -l) = 4 ]'
check 'tensors' 'grep -aq "\"coarse3\"" "$folder/d.safetensors"'
printf '%s 1 2 40 50\r\n\n%s\n' "$image" "$folder/other/img_00000001.jpg" >"$folder/list.txt"
expect 0 '"box": \[1, 2, 40, 50\]' 'device' predict --weights "$landmark" "$folder/list.txt"
check 'both of the list' '[ $(grep -c "\"path\":" "$folder/out") = 2 ]'
printf '%s\n%s 9 9 4 4\n' "$image" "$image" >"$folder/list.txt"
expect 1 '' 'list.txt: line 2: expected a picture' predict --weights "$landmark" "$folder/list.txt"
printf '%s 1 2 3\n' "$image" >"$folder/list.txt"
expect 1 '' 'list.txt: line 1: expected a picture' predict --weights "$landmark" "$folder/list.txt"
expect 1 '' "$folder/empty: no .jpg" predict --weights "$landmark" "$folder/empty"
mkfifo "$folder/pipe.jpg"
expect 1 '' 'pipe.jpg: a pipe or device' predict --weights "$landmark" "$folder/pipe.jpg"
expect 1 '' '/nowhere.jpg: ' predict --weights "$landmark" /nowhere.jpg
expect 2 '' "--box: expected X1,Y1,X2,Y2 with X1 < X2 and Y1 < Y2, found '1,2,1,5'" \
    predict --weights "$landmark" --box 1,2,1,5 "$image"
expect 2 '' 'expected IMAGE|FOLDER|LIST' predict --weights "$landmark"
expect 2 '' 'need a landmark checkpoint' predict --weights "$classifier" --overlay "$folder/a" "$image"
head -c 500 "$image" >"$folder/other/cut.jpg"
expect 1 '' 'cut.jpg' predict --weights "$landmark" --json "$folder/none.json" "$folder/other"
check 'nothing half-written' '[ ! -e "$folder/none.json" ]'
# What went to standard output before a failure is whole JSON.
for i in 1 2 3 4 5; do
    cp "$image" "$folder/other/a$i.jpg"
done
expect 1 '"path"' 'cut.jpg' predict --weights "$landmark" eval.batch=1 "$folder/other"
check 'the array is ended' '[ "$(tail -n 1 "$folder/out")" = "]" ]'
rm "$folder"/other/a?.jpg
i=0
while [ $((i += 1)) -le 5000 ]; do
    echo "$image"
done >"$folder/list.txt"
"$program" predict --weights "$landmark" eval.batch=1 "$folder/list.txt" >"$folder/many" 2>"$folder/err" &
wait_for "$folder/many"
kill -INT $!
wait $!
check 'predict is interrupted' "[ $? = 130 ] && grep -q '^sanlcl: interrupted' '$folder/err'"
check 'the array is ended then, too' '[ "$(tail -n 1 "$folder/many")" = "]" ]'
printf '\357\273\277%s\n# a note\n' "$image" >"$folder/list.txt"
expect 1 '' "list.txt: line 2: expected a picture.*found '# a note'" predict --weights "$landmark" \
    "$folder/list.txt"

# Nothing is written over what is read, nor twice.
net=$folder/net.safetensors
cp "$landmark" "$net"
expect 2 '' "is the file of --weights" predict --weights "$net" --csv "$folder/./net.safetensors" "$image"
expect 2 '' "is to be read" predict --weights "$landmark" --csv "$image" "$image"
expect 2 '' "is to be read" predict --weights "$landmark" --csv "$folder/other/img_00000001.jpg" \
    "$folder/other"
expect 2 '' "is to be read" eval --weights "$landmark" --csv "$data/Anno/list_bbox.txt"
(cd "$data" && "$program" eval --weights "$landmark" data.root=. --csv ne.csv) >/dev/null 2>&1
(cd "$data" && "$program" eval --weights "$landmark" data.root=. --csv ne.csv) >"$folder/out" 2>&1
check 'beside the data set files may be replaced' 'grep -q "^mean " "$folder/out" && [ -s "$data/ne.csv" ]'
expect 2 '' "is to be read" data browse data.root="$data" --out "$image"
expect 2 '' "is the folder of the pictures" predict --weights "$landmark" --overlay "$folder/other/." \
    "$folder/other"
expect 0 '^path,' 'device' predict --weights "$landmark" --csv - "$image"
: >"$folder/bad.jpg"
expect 1 '' 'bad.jpg: .*; .*/none.csv not written' predict --weights "$landmark" --csv "$folder/none.csv" \
    "$image" "$folder/bad.jpg"
expect 2 '' "is the file of --weights" export --weights "$net" --format onnx --out "$net"
expect 2 '' "both would write" predict --weights "$landmark" --csv "$folder/o.csv" \
    --json "$folder/../${folder##*/}/o.csv" "$image"
check 'the weights are there' 'cmp -s "$landmark" "$net"'
(echo head && "$program" predict --weights "$landmark" --csv /dev/stdout "$image" && echo tail) \
    >"$folder/out" 2>"$folder/err"
check 'a stream is continued' '[ "$(sed -n "1p;\$p" "$folder/out" | tr "\n" " ")" = "head tail " ]'
expect 0 '"path"' '1 of 2 pictures skipped' predict --weights "$landmark" --skip-bad "$folder/other"
expect 0 '"path"' '1 of 2 pictures skipped' predict --weights "$landmark" --skip-bad "$image" "$folder/no.jpg"
expect 0 '^path,.*hem' '1 of 1 pictures skipped' predict --weights "$landmark" --skip-bad --csv - \
    "$folder/bad.jpg"
expect 0 '^path,.*,probability1' '1 of 1 pictures skipped' predict --weights "$classifier" --skip-bad \
    --csv - "$folder/bad.jpg"
printf '%s\nno such thing\n' "$image" >"$folder/odd.txt"
expect 0 '"path"' '1 of 2 pictures skipped' predict --weights "$landmark" --skip-bad "$folder/odd.txt"
expect 1 '' "odd.txt: line 2: expected a picture" predict --weights "$landmark" "$folder/odd.txt"
expect 2 '' 'this one is a classifier' predict --weights "$classifier" --threshold 0.5 "$image"
expect 1 '' 'no.jpg: No such file' predict --weights "$landmark" "$image" "$folder/no.jpg"
expect 1 '' 'cannot make this folder: File exists' predict --weights "$landmark" --overlay "$image" "$image"
expect 1 '' '^sanlcl: /dev/null/a: cannot make this folder: Not a directory' predict --weights "$landmark" \
    --overlay /dev/null/a "$image"
expect 1 '' '/nowhere/x.json: cannot write' predict --weights "$landmark" --json /nowhere/x.json "$image"

# What is no file, and full disks.
for option in --json --dump-tensors; do
    expect 1 '' '^sanlcl: /dev/full: cannot write: No space left' predict --weights "$landmark" \
        --csv "$folder/full.csv" $option /dev/full "$image"
done
expect 1 '^landmark' '^sanlcl: /dev/full: cannot write: No space left' eval --weights "$landmark" \
    --per-image /dev/full
for option in --csv --json --per-image --pdl; do # before the work, so without the line of the device
    expect 1 '' "^sanlcl: $folder: cannot write: Is a directory" eval --weights "$landmark" $option "$folder"
    expect 1 '' '^sanlcl: /nowhere/e: cannot write: No such' eval --weights "$landmark" $option /nowhere/e
    check "$option is checked first" '[ $(wc -l <"$folder/err") = 1 ]'
done
expect 1 '' '/nowhere/d: cannot write: No such' predict --weights "$landmark" \
    --dump-tensors /nowhere/d "$image"
expect 0 '^group,landmark,visible' 'images/s' eval --weights "$landmark" --csv /dev/stdout
# A limit on the size of files, in blocks of 512 bytes, leaves room for those of the OpenCL driver.
(ulimit -f 20000 && "$program" train $tiny cam.mode=uniform data.root="$data" out="$folder/full") \
    >"$folder/out" 2>"$folder/err"
check 'train on a full disk' "[ $? = 1 ] && grep -q 'safetensors: cannot write: File too large' '$folder/err'"
check 'nothing half-written' '[ -z "$(ls "$folder"/full* | grep -e tmp -e full.csv -e last)" ]'

# gradcam
for weights in "$classifier" "$landmark"; do
    rm -rf "$folder/g"
    expect 0 ' %  [A-Z]' 'device' gradcam --weights "$weights" --out "$folder/g" --class 2 "$image"
    check 'a sheet and four maps' '[ $(ls "$folder/g" | wc -l) = 5 ]'
done
expect 2 '' 'no class 18: the classifier has 17' gradcam --weights "$landmark" \
    --out "$folder/g" --class 18 "$image"
expect 2 '' 'expected --weights FILE and --out DIR' gradcam --weights "$landmark" "$image"

# Names as they come. A hidden file is none of the pictures.
names="$folder/all \"new\", 2"
quoted=$(printf '%s' "$names" | sed 's/"/""/g')
drawn="$folder/drawn, all"
x191=$(printf 'x%.0s' $(seq 191))
list_names() { # the last one is cut before the letter that byte 192 is in
    printf '%s\n' 'a b' "it's \"so\", \\ & <b>" 'größe 長い' '-dash' 'x=1' '50% %s' '1 2 3 4' \
        "$x191${1-äyyyyyyyyyy}"
}
mkdir "$names"
list_names | while read -r name; do
    cp "$image" "$names/$name.jpg"
done
echo 'no picture' >"$names/._a b.jpg"
has() { grep -qF -e "$2" "$1"; }
expect 0 '' 'device' predict --weights "$landmark" --csv "$folder/n.csv" --json "$folder/n.json" \
    --overlay "$drawn" --cams "$drawn" "$names"
list_names '' >"$folder/expected"
while read -r name; do
    check "$name" '[ -s "$drawn/${name}_overlay.png" ] && [ -s "$drawn/${name}_cams.png" ]'
done <"$folder/expected"
check 'no other pictures' '[ $(ls "$drawn" | wc -l) = 16 ]'
check 'CSV doubles quotes' \
    'has "$folder/n.csv" "\"$quoted/it'\''s \"\"so\"\", \\ & <b>.jpg\","'
check 'JSON escapes quotes' 'has "$folder/n.json" "/it'\''s \\\"so\\\", \\\\ & <b>.jpg\", \"width\""'
check 'UTF-8 stays' 'has "$folder/n.json" "/größe 長い.jpg\"" && has "$folder/n.csv" "/größe 長い.jpg\","'
printf '%s\n' "$names/1 2 3 4.jpg" "$names/größe 長い.jpg 1 2 40 50" >"$folder/a list.txt"
expect 0 'größe 長い.jpg", .*"box": \[1, 2, 40, 50\]' 'device' \
    predict --weights "$landmark" "$folder/a list.txt"
check 'both of the list' '[ $(grep -c "\"path\":" "$folder/out") = 2 ]'
rm -rf "$folder/g"
expect 0 'x=1.jpg$' 'device' gradcam --weights "$classifier" --out "$folder/g" "$names"
check 'five for each' '[ $(ls "$folder/g" | wc -l) = 40 ] && [ -s "$folder/g/größe 長い_cam4.png" ]'
cd "$names" || exit 1
expect 0 '"path": "-dash.jpg"' 'device' predict --weights "$landmark" -- -dash.jpg x=1.jpg
expect 2 '' "unknown option '-dash.jpg'" predict --weights "$landmark" -dash.jpg
expect 0 ' %  [A-Z]' 'device' gradcam --weights "$classifier" --out "$folder/g" ./-dash.jpg
cd "$OLDPWD" || exit 1

# A picture that its camera stored turned: upright in everything.
camera=${0%/*}/../data/image/camera.jpg
expect 0 '"width": 23, "height": 17, "box": \[0, 0, 23, 17\]' 'device' predict --weights "$landmark" \
    --overlay "$drawn" "$camera"
size_of() { od -An -tu1 -j16 -N8 "$1" | awk '{print 256 * $3 + $4, 256 * $7 + $8}'; }
check 'a broad overlay' '[ "$(size_of "$drawn/camera_overlay.png")" = "640 473" ]'

# export
for format in safetensors onnx; do
    for part in network classifier; do
        expect 0 '' '' export --weights "$landmark" --format $format --part $part --out "$folder/x"
        check "$part as $format" '[ $(wc -c <"$folder/x") -gt 40000000 ]'
    done
    expect 1 '' '^sanlcl: /dev/full: cannot write: No space left' export --weights "$landmark" \
        --format $format --out /dev/full
done

finish
