#!/bin/bash
# Checks the shape of the source tree: who includes whom, names, text. Each finding is a line.
#
#   run.sh ROOT LIBRARY
set -u
cd "$1" || exit 1
library=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# report TITLE: the findings are the lines of stdin. (It runs in a pipe, hence the file for the result.)
report() {
    if grep . >"$work/findings"; then
        echo "FAILED: $1"
        sed 's/^/    /' "$work/findings"
        touch "$work/failed"
    fi
}

# ---- layers: the folders of src/ and those that each may include -----------------------------------------
layers='
base:     base
image:    base image
landmark: base landmark
data:     base image landmark data
device:   base device
ops:      base device ops
graph:    base device ops graph
model:    base device ops graph model
train:    base image landmark data device ops graph model train
report:   base image landmark data report
cli:      cli
'
# Headers of libraries and the folders that may include them.
libraries='
CL/|clblast  device ops
jpeglib      image
png\.h       image
setjmp       image
libexif      image
cairo        image
yaml         base
zip\.h       model
'

includes() { # FOLDER: "FILE:LINE:#include ..." for its files
    grep -nE '^[[:space:]]*#[[:space:]]*include' "src/$1"/*.[ch] /dev/null
}

for path in src/*/; do
    folder=$(basename "$path")
    allowed=$(sed -n "s/^$folder: *//p" <<<"$layers")
    if [ -z "$allowed" ]; then
        echo "src/$folder" | report "a folder that is not in the table of layers"
        continue
    fi
    includes "$folder" | grep '"' | grep -vE "\"(${allowed// /|})/[a-z0-9_]+\.h\"" |
        report "src/$folder/ includes only \"FOLDER/NAME.h\" with FOLDER one of: $allowed"
    while read -r header folders; do
        if [ -n "$header" ] && [[ " $folders " != *" $folder "* ]]; then
            includes "$folder" | grep -E "[<\"/]($header)" | report "$header belongs to: $folders"
        fi
    done <<<"$libraries"
done

if [ -d src/cli ]; then
    grep -nE '\b(exit|abort|printf|puts|putchar|perror)[(]|\b(stdout|stderr)\b' src/*/*.[ch] |
        grep -vE '^src/cli/|^[^:]*:[0-9]+: ?[/*]' | report "only src/cli/ prints or exits"
fi

grep -nE '\b(fma|mad|prefetch)[(]' cl/*.cl | grep -v '^cl/common.cl:' |
    report "kernels call FMA and PREFETCH of cl/common.cl, which know what a device does fast"

# ---- public headers: no library's types, complete in themselves, C11 and C++ -----------------------------
grep -nE '#[[:space:]]*include' include/sanlcl/*.h |
    grep -vE '<(sanlcl/[a-z0-9_]+\.h|std(bool|def|int|io|arg)\.h)>' |
    report "public headers include only <sanlcl/...> and <std...>"
for header in include/sanlcl/*.h; do
    name=sanlcl/$(basename "$header")
    printf '#include <%s>\n#include <%s>\nint unit_is_not_empty;\n' "$name" "$name" >"$work/unit.c"
    cp "$work/unit.c" "$work/unit.cc"
    warnings='-Wall -Wextra -Wshadow -pedantic -Werror -fsyntax-only -Iinclude'
    ${CC:-cc} -std=c11 $warnings "$work/unit.c" 2>&1 | report "$name compiles alone as C11"
    if command -v "${CXX:-c++}" >/dev/null; then
        ${CXX:-c++} -std=c++11 $warnings "$work/unit.cc" 2>&1 | report "$name compiles alone as C++"
    fi
done

# ---- symbols ---------------------------------------------------------------------------------------------
nm -g --defined-only "$library" 2>/dev/null | awk 'NF == 3 { print $3 }' >"$work/symbols"
[ -s "$work/symbols" ] || echo "$library has no symbols" | report "the library is there"
grep -vE '^(sanl_|__odr_asan)' "$work/symbols" |
    report "every public symbol of the library starts with sanl_"

# ---- operators: one stem everywhere ----------------------------------------------------------------------
sed -nE 's/^[[:space:]]*&sanl_op_([a-z0-9_]+),.*/\1/p' src/ops/ops.c >"$work/ops"
[ -s "$work/ops" ] || echo "no rows" | report "src/ops/ops.c has rows '    &sanl_op_NAME,'"
while read -r op; do
    stem=$(grep -lE "^const struct sanl_op sanl_op_$op =" src/ops/*.c | sed 's|.*/||; s|\.c$||')
    [ -n "$stem" ] || echo "$op: no file of src/ops/ defines sanl_op_$op"
    compgen -G "cl/$stem.cl" >/dev/null || compgen -G "cl/${stem}_*.cl" >/dev/null ||
        echo "$op: no cl/$stem.cl"
    [ -s "tests/cases/$op.txt" ] || echo "$op: no tests/cases/$op.txt"
done <"$work/ops" | report "every operator has src/ops/NAME.c, cl/NAME.cl or cl/NAME_*.cl, and cases"
for file in tests/cases/*.txt; do
    grep -qx "$(basename "$file" .txt)" "$work/ops" || echo "$file"
done | report "every case file belongs to an operator of src/ops/ops.c"

grep -nE 'get_(group_id|num_groups|global_size) *\([^0]' cl/*.cl |
    report "kernels ask for no groups along dimensions 1 and 2, which launches may take in parts"

# ---- the top of the tree: what is tracked, where there is git ---------------------------------------------
git ls-files 2>/dev/null | cut -d/ -f1 | sort -u |
    grep -vxE 'src|cl|include|benchmarks|configs|tests|scripts|cmake|CMake[A-Z].*|README\.md|\..*' |
    report "no other files at the top of the tree"

# ---- text ------------------------------------------------------------------------------------------------
find CMakeLists.txt CMakePresets.json README.md cmake include src cl configs benchmarks scripts .ci \
    tests/{CMakeLists.txt,unit,cases,cli,structure,reference} -type f 2>/dev/null |
    grep -vE '\.(safetensors|png|jpg|pyc)$' >"$work/texts"
export LC_ALL=C.UTF-8
grep -E '\.(c|h|cl|sh|cmake|py)$|/run$' "$work/texts" | xargs grep -nE '^.{111,}' |
    report "lines have at most 110 columns"
grep -E '^(src|cl|tests/unit)/' "$work/texts" | xargs wc -l | awk '$1 > 500 && $2 != "total"' |
    report "files have at most 500 lines"
xargs grep -nP '[ \t]+$|\t|\r' <"$work/texts" | report "no tabs, no blanks at the end of a line"
xargs grep -LE '.' <"$work/texts" | report "no empty files"
while read -r file; do
    [ -z "$(tail -c 1 "$file")" ] || echo "$file"
done <"$work/texts" | report "files end with a newline"
grep -vE 'tests/structure/run.sh$' "$work/texts" | xargs grep -nE '\b(TODO|FIXME|XXX)\b' |
    report "what is begun is finished"

[ ! -e "$work/failed" ]
