#!/usr/bin/env bash
# Sourced by ./demo, ./test and bench/run: finds or installs what they need, and publishes the programs into out/bin.
# Everything it prints is progress, on standard error.

# The SDK then needs no ICU, which a fresh system has not.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# as_root COMMAND: the command as the reader can type it.
as_root() { if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null 2>&1; then printf 'sudo %s' "$1"; else printf '%s' "$1"; fi; }

# sdk_command: what installs the SDK: the distribution's package where it has one, else Microsoft's script, which needs no root.
sdk_command() {
    if apt-cache show dotnet-sdk-10.0 2>/dev/null | grep -q '^Package:'; then
        as_root 'apt-get install -y dotnet-sdk-10.0'
    else
        command -v curl >/dev/null 2>&1 || printf '%s && ' "$(as_root 'apt-get update')" "$(as_root 'apt-get install -y curl ca-certificates')"
        # shellcheck disable=SC2016 # to be typed as it stands
        printf 'curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0 && export PATH="$HOME/.dotnet:$PATH"'
    fi
}

# need_sdk: the .NET 10 SDK is the one thing that is not fetched here.
need_sdk() {
    local said
    if ! command -v dotnet >/dev/null 2>&1; then
        die "The .NET 10 SDK is missing. Run this, then try again:  $(sdk_command)"
    fi
    if said=$(cd "$TOP" && dotnet --version 2>&1); then return; fi
    if dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
        die "The .NET SDK does not work here: $(printf '%s' "$said" | grep . | head -n 1)"
    fi
    die "This needs the .NET 10 SDK; installed here: $(dotnet --list-sdks 2>/dev/null | cut -d' ' -f1 | paste -sd' '). Run this, then try again:  $(sdk_command)"
}

# need_packages COMMAND-OR-FILE:PACKAGE...: installs what is missing when root, else says the exact command and stops.
need_packages() {
    local pair probe missing=()
    for pair in "$@"; do
        probe=${pair%%:*}
        case $probe in
            /*) [ -e "$probe" ] && continue ;;
            *) command -v "$probe" >/dev/null 2>&1 && continue ;;
        esac
        missing+=("${pair#*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        die "Missing: ${missing[*]} (names of Debian packages). Install them with this system's package manager, then run this again."
    fi
    if [ "$(id -u)" -ne 0 ]; then
        local how='Run this, then try again'
        command -v sudo >/dev/null 2>&1 || how='Run this as root, then try again'
        die "Missing packages. $how:  $(as_root 'apt-get update') && $(as_root "apt-get install -y --no-install-recommends ${missing[*]}")"
    fi
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        die "apt-get could not install: ${missing[*]}"
    fi
    rm -f "$log"
}

# need_kernel: the kernel of the tests' virtual machines, unpacked beside their other parts and not installed. Without a mirror those tests are skipped, and say so.
need_kernel() {
    local cache=${XDG_CACHE_HOME:-/var/cache} package work
    [ -d "$cache/qwamos-tests/kernel" ] && return 0
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -nE 's/^ *Depends: (linux-image-[0-9].*)$/\1/p' | head -n 1)
    [ -n "$package" ] || return 0
    say "unpacking $package for virtual machines"
    work=$(mktemp -d)
    mkdir -p "$cache/qwamos-tests"
    if (cd "$work" && apt-get download -qq "$package" && dpkg -x "$package"_*.deb kernel) >&2 </dev/null; then
        mv "$work/kernel" "$cache/qwamos-tests/kernel"
    fi
    rm -rf "$work"
}

# build NAME COMMAND...: one that fails or prints a warning is an error, and shown whole.
build() {
    local name=$1 log
    shift
    log=$(mktemp)
    say "building $name"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        die "building $name failed"
    fi
    if grep -qi 'warning' "$log"; then
        cat "$log" >&2
        die "building $name printed a warning"
    fi
    rm -f "$log"
}

# publish_portable FOLDER: qwamosctl for every Linux that has the .NET 10 runtime, with the native libraries of those that there are any for.
publish_portable() {
    local folder=$1
    # Restored as for the others, so that its lock file stays as it is; only then without the compiler of native AOT.
    build 'the packages of qwamosctl' dotnet restore "$TOP/src/qwamosctl" -nologo -v q
    rm -rf "$folder"
    build 'qwamosctl, portable' dotnet publish "$TOP/src/qwamosctl" --no-restore -c Release -p:PublishAot=false -p:UseAppHost=false -o "$folder" -nologo -v q
    rm -f "$folder"/*.pdb
    find "$folder/runtimes" -mindepth 1 -maxdepth 1 ! -name 'linux*' -exec rm -rf {} +
}

# publish_programs: native AOT into out/bin; a warning is an error.
publish_programs() {
    local name folder
    for folder in "$TOP" "$TOP/out" "$TOP"/src/*/obj; do
        if [ -e "$folder" ] && [ ! -w "$folder" ]; then
            die "$folder is not writable for you. Run this, then try again:  $(as_root "chown -R $(id -un) $TOP")"
        fi
    done
    for name in qwamosd gateway-policyd qwamosctl qwamos-link; do
        build "$name" dotnet publish "$TOP/src/$name" -c Release -r linux-x64 -o "$TOP/out/bin" -nologo -v q
    done
}
