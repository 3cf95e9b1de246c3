#!/bin/sh
# A small demonstration from end to end: demo.sh PROGRAM
. "${0%/*}/expect.sh"

demo=$folder/demo
expect 2 '' 'expected --out DIR' demo
expect 2 '' '--count: expected a whole number from 30' demo --out "$demo" --count 3
expect 0 "$demo/index.html" '^\[6/6 ' demo --out "$demo" --count 30 --epochs 1 --seed 3
for file in data/Anno/list_landmarks.txt classifier/best.safetensors landmark/best.safetensors \
    landmarks.csv landmarks.json predictions.json summary.json summary.txt pictures/overlays.jpg \
    curves/landmark_ne.png curves/landmark_loss.png curves/classifier_error.png \
    curves/classifier_loss.png index.html; do
    check "$file is there" '[ -s "$demo/$file" ]'
done
shown=$(wc -l <"$demo/pictures.txt")
check 'pictures of each kind' '[ $(ls "$demo"/pictures/*_overlay.png | wc -l) = $shown ] &&
    [ $(ls "$demo"/pictures/*_cams.png | wc -l) = $shown ] &&
    [ $(ls "$demo"/pictures/*_heatmaps.png | wc -l) = $shown ]'
check 'the page stands alone' 'grep -q "src=\"data:image/" "$demo/index.html" &&
    ! grep -qE "(src|href)=\"[^d]" "$demo/index.html"'
check 'the summary' 'grep -q "\"baseline_ne_peer\":" "$demo/summary.json"'
check 'the table' '[ $(wc -l <"$demo/landmarks.csv") = 12 ]'

# What the page names as equivalent is so.
cp "$demo/predictions.json" "$folder/before.json"
expect 0 '' 'device' predict --weights "$demo/landmark/best.safetensors" --json "$folder/after.json" \
    "$demo/pictures.txt"
check 'predict says the same' 'cmp -s "$folder/before.json" "$folder/after.json"'

# Another folder is left alone; an earlier demonstration is replaced, and a signal stops it.
mkdir "$folder/other"
echo precious >"$folder/other/file"
expect 1 '' "$folder/other: holds files that no demo wrote" demo --out "$folder/other" --count 30 --epochs 1
check 'nothing is added' '[ "$(ls -A "$folder/other")" = file ]'
expect 1 '' 'cannot make this folder: File exists' demo --out "$folder/other/file" --count 30 --epochs 1
echo mine >"$demo/mine"
"$program" demo --out "$demo" --count 100000 >"$folder/out" 2>"$folder/err" &
sleep 2
kill -INT $!
wait $!
check 'a signal stops the program' "[ $? = 130 ] && grep -q 'interrupted: in step 1 of 6' '$folder/err'"
check 'what the demo wrote is gone, the rest stays' \
    '[ ! -e "$demo/index.html" ] && [ ! -e "$demo/landmark" ] && [ -s "$demo/mine" ]'

finish
