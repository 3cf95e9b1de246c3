#!/bin/bash
# Installs what the build and the tests need and the system lacks. Asks for nothing; does nothing when all
# is there.
#
#   scripts/setup.sh [--ci]     --ci: also what .ci/run needs
#
# Debian and its relatives: from the distribution's packages, as root or by sudo without a password.
# Elsewhere, or where that is impossible: says what is missing under the names of Debian, Fedora and Arch.
set -euo pipefail

# Debian's name, Fedora's, Arch's, and how to see it on a system without dpkg: a command, a pkg-config module
# or a file.
packages='
gcc                 gcc                 gcc             command:gcc
libc6-dev           glibc-devel         glibc           file:/usr/include/stdio.h
cmake               cmake               cmake           command:cmake
ninja-build         ninja-build         ninja           command:ninja
pkg-config          pkgconf-pkg-config  pkgconf         command:pkg-config
opencl-headers      opencl-headers      opencl-headers  file:/usr/include/CL/cl.h
ocl-icd-opencl-dev  ocl-icd-devel       ocl-icd         module:OpenCL
pocl-opencl-icd     pocl                pocl            file:/etc/OpenCL/vendors/*.icd
libclblast-dev      clblast-devel       clblast         file:/usr/include/clblast_c.h
libjpeg-dev         libjpeg-turbo-devel libjpeg-turbo   module:libjpeg
libpng-dev          libpng-devel        libpng          module:libpng
libexif-dev         libexif-devel       libexif         module:libexif
libcairo2-dev       cairo-devel         cairo           module:cairo
libyaml-dev         libyaml-devel       libyaml         module:yaml-0.1
libjansson-dev      jansson-devel       jansson         module:jansson
libzip-dev          libzip-devel        libzip          module:libzip
libcmocka-dev       libcmocka-devel     cmocka          module:cmocka
fonts-dejavu-core   dejavu-sans-fonts   ttf-dejavu      command:fc-match
'
ci_packages='
git                 git                 git             command:git
g++                 gcc-c++             gcc             command:c++
clang               clang               clang           command:clang
clang-format        clang-tools-extra   clang           command:clang-format
oclgrind            oclgrind            oclgrind        command:oclgrind
mesa-opencl-icd     mesa-libOpenCL      opencl-mesa     file:/etc/OpenCL/vendors/rusticl.icd
valgrind            valgrind            valgrind        command:valgrind
'

case "${1-}" in
--ci) packages+=$ci_packages ;;
'') ;;
*)
    echo "usage: scripts/setup.sh [--ci]" >&2
    exit 2
    ;;
esac

is_there() { # DEBIAN_NAME PROBE
    if command -v dpkg-query >/dev/null; then
        [[ " $(dpkg-query -W -f '${db:Status-Status} ' "$1" 2>/dev/null)" == *" installed "* ]]
        return
    fi
    local what=${2#*:}
    case $2 in
    command:*) command -v "$what" >/dev/null ;;
    module:*) pkg-config --exists "$what" 2>/dev/null ;;
    file:*) compgen -G "$what" >/dev/null ;;
    esac
}

debian=() fedora=() arch=()
find_missing() {
    debian=() fedora=() arch=()
    local d f a probe
    while read -r d f a probe; do
        if [[ $d ]] && ! is_there "$d" "$probe"; then
            debian+=("$d") fedora+=("$f") arch+=("$a")
        fi
    done <<<"$packages"
}

give_up() {
    {
        echo "setup: $1. Install these packages, then run again:"
        echo "  Debian, Ubuntu: apt install ${debian[*]}"
        echo "  Fedora:         dnf install ${fedora[*]}"
        echo "  Arch:           pacman -S ${arch[*]}"
    } >&2
    exit 1
}

find_missing
if [[ ${#debian[@]} == 0 ]]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    give_up "packages are missing, and this system has no apt-get"
fi
as_root=()
if [[ $EUID != 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
        give_up "packages are missing, and neither root nor a sudo without password is at hand"
    fi
    as_root=(sudo -n)
fi
echo "setup: installing ${debian[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
"${apt[@]}" update || echo "setup: apt-get update failed; trying with the package lists at hand" >&2
"${apt[@]}" install --no-install-recommends "${debian[@]}" || true
find_missing
if [[ ${#debian[@]} != 0 ]]; then
    give_up "apt-get did not install everything"
fi
