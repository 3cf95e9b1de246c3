#!/bin/bash
# Times how annotation files of many records open, in each layout that holds landmarks, without any picture:
# seconds and the peak memory of `sanlcl data stats`, first and once more.
#
#   benchmarks/records.sh [RECORDS] [--program FILE]
#
# Default: 300000 records; --program: a sanlcl that is built already. The second time counts where the layout
# has an index, which here lies in a folder of its own.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
records=300000 program=
while [[ $# != 0 ]]; do
    case $1 in
    --program) program=${2:?$1 needs a value} && shift 2 ;;
    *) records=$1 && shift ;;
    esac
done
if [[ ! $records =~ ^[1-9][0-9]*$ ]]; then
    echo "$0: expected a number of records, found '$records'" >&2
    exit 2
fi
if [[ -z $program ]]; then
    (cd "$root" && cmake --preset release >/dev/null && cmake --build build/release >/dev/null)
    program=$root/build/release/sanlcl
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME=$folder/cache
mkdir -p "$folder"/{fld,deepfashion_c}/{Anno,Eval,img} "$folder"/coco/annotations "$folder"/info_csv

awk -v n="$records" -v to="$folder" 'BEGIN {
    split("train train train train train train train val test test", part, " ")
    split("lc rc ls rs lw rw lh rh", slot, " ")
    table = to "/info_csv/info.csv"
    printf "image_name,x_1,y_1,x_2,y_2,evaluation_status,category_label,category_name" >table
    for (k = 1; k <= 8; k++)
        printf ",lm_%s_x,lm_%s_y,lm_%s_vis,lm_%s_in_pic", slot[k], slot[k], slot[k], slot[k] >table
    print "" >table
    for (s = 0; s < 2; s++) {
        set = to (s ? "/deepfashion_c/" : "/fld/")
        columns = "image_name  clothes_type" (s ? "" : "  variation_type") "  landmarks"
        print n "\n" columns >(set "Anno/list_landmarks.txt")
        print n "\nimage_name  x_1  y_1  x_2  y_2" >(set "Anno/list_bbox.txt")
        print n "\nimage_name  evaluation_status" >(set "Eval/list_eval_partition.txt")
    }
    for (i = 1; i <= n; i++) {
        name = sprintf("img/Some_Garment_Or_Other_%d/img_%08d.jpg", i % 5000, i)
        p = part[i % 10 + 1]
        row = ""; columns = ""; keypoints = ""
        for (k = 0; k < 8; k++) {
            x = 20 + (i * 7 + k * 31) % 200; y = 30 + (i * 11 + k * 17) % 220; v = (i + k) % 7 == 0
            row = row sprintf("  %d %03d %03d", v, x, y)
            columns = columns sprintf(",%d,%d,%d,1", x, y, !v)
            keypoints = keypoints sprintf("%s%d,%d,%d", (k ? "," : ""), x, y, 2 - v)
        }
        for (s = 0; s < 2; s++) {
            set = to (s ? "/deepfashion_c/" : "/fld/")
            printf "%s  3%s%s\n", name, (s ? "" : "  1"), row >(set "Anno/list_landmarks.txt")
            printf "%s  010 010 250 280\n", name >(set "Anno/list_bbox.txt")
            printf "%s  %s\n", name, p >(set "Eval/list_eval_partition.txt")
        }
        printf "%s,10,10,250,280,%s,%d,kind %d%s\n", name, p, i % 50, i % 50, columns >table
        printf "%s{\"id\":%d,\"file_name\":\"%s\",\"height\":300,\"width\":260}\n", \
            (c[p]++ ? "," : ""), i, name >(to "/coco/images_" p)
        printf "%s{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"keypoints\":[%s],\"num_keypoints\":8," \
               "\"bbox\":[10,10,240,270],\"area\":64800,\"iscrowd\":0}\n", \
            (c[p] > 1 ? "," : ""), i, i, keypoints >(to "/coco/annotations_" p)
    }
}'
for part in train val test; do
    (cd "$folder/coco" && if [[ -e images_$part ]]; then
        {
            echo '{"images":[' && cat "images_$part"
            echo '],"annotations":[' && cat "annotations_$part"
            echo ']}'
        } >annotations/fld_full_"$part".json
        rm "images_$part" "annotations_$part"
    fi)
done

printf '%-14s %10s %10s %10s\n' layout first again 'peak MiB'
for layout in fld deepfashion_c coco info_csv; do
    times=()
    for _ in 1 2; do
        before=$EPOCHREALTIME
        /usr/bin/time -f %M -o "$folder/peak" "$program" data stats "data.format=$layout" \
            "data.root=$folder/$layout" >/dev/null 2>&1
        times+=("$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f s", b - a }')")
        most=$(awk -v a="$(cat "$folder/peak")" -v b="${most-0}" 'BEGIN { printf "%d", (a > b ? a : b) }')
    done
    printf '%-14s %10s %10s %10d\n' "$layout" "${times[@]}" $((most / 1024))
    most=0
done
