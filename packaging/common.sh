#!/usr/bin/env bash
# Sourced by the scripts beside it: the version, the time and the programs of what is built. Needs TOP, the repository's folder.
# shellcheck source=tests/prepare.sh
. "$TOP/tests/prepare.sh"
umask 022
export LC_ALL=C TZ=UTC DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# shellcheck disable=SC2034 # used by the scripts that source this
PROGRAMS=(qwamosd gateway-policyd qwamosctl qwamos-link)

# The time in what is built is that of the sources, so that whoever builds them again gets the same bytes.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$TOP" -c safe.directory="$TOP" log -1 --format=%ct 2>/dev/null) ||
        die "This is no git repository, so the time of the sources is not known. Give it, in unix seconds: SOURCE_DATE_EPOCH=$(date +%s) $0"
fi
export SOURCE_DATE_EPOCH

# shellcheck disable=SC2034 # used by the scripts that source this
VERSION=$(sed -nE 's:.*<Version>([^<]+)</Version>.*:\1:p' "$TOP/Directory.Build.props")

# runtime_of ARCH: what .NET calls a Debian architecture.
runtime_of() {
    case $1 in
        amd64) echo linux-x64 ;;
        arm64) echo linux-arm64 ;;
        *) die "unknown architecture '$1': amd64 or arm64" ;;
    esac
}

# publish_for ARCH FOLDER PROGRAM...: native AOT; a warning is an error.
publish_for() {
    local arch=$1 folder=$2 name flags=()
    shift 2
    if [ "$arch" != "$(dpkg --print-architecture)" ]; then
        [ "$arch" = arm64 ] || die "Only arm64 is built on another architecture, not $arch."
        need_packages aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu /usr/aarch64-linux-gnu/include/stdio.h:libc6-dev-arm64-cross
        flags=(-p:ObjCopyName=aarch64-linux-gnu-objcopy)
    fi
    for name in "$@"; do
        build "$name for $arch" dotnet publish "$TOP/src/$name" -c Release -r "$(runtime_of "$arch")" "${flags[@]}" -o "$folder" -nologo -v q
    done
}

# copy_documents FOLDER: those that messages name and people read who run it; not those for who develops it.
copy_documents() {
    install -d "$1"
    cp -R "$TOP"/docs/{formats,guide,operations,performance} "$TOP"/docs/{keys,performance,threat-model,troubleshooting}.md "$1"
}
