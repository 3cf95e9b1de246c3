# Sourced by the tests of the program, whose path is $1: a folder to work in, expectations, the result.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0

# expect CODE STDOUT-PATTERN STDERR-PATTERN ARGUMENT...: basic regular expressions; '' is no output.
expect() {
    code=$1 out=$2 err=$3
    shift 3
    "$program" "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    problem=
    [ "$got" = "$code" ] || problem="exit code $got, not $code"
    for stream in out err; do
        eval "pattern=\$$stream"
        if [ -z "$pattern" ]; then
            [ ! -s "$folder/$stream" ] || problem="$problem; std$stream is not empty"
        else
            grep -q -e "$pattern" "$folder/$stream" || problem="$problem; std$stream has no '$pattern'"
        fi
    done
    if [ -n "$problem" ]; then
        echo "FAILED: sanlcl $*: $problem"
        sed 's/^/    /' "$folder/out" "$folder/err"
        failures=$((failures + 1))
    fi
}

check() {
    if ! eval "$2"; then
        echo "FAILED: $1: $2"
        failures=$((failures + 1))
    fi
}

finish() {
    [ "$failures" = 0 ] && echo 'all passed'
    exit "$((failures > 0))"
}
