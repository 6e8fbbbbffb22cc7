#!/usr/bin/env bash
# Sourced by ./demo, ./test and bench/run: finds or installs what they need, and publishes the programs into out/bin.
# Everything it prints is progress, on standard error.

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# need_sdk: the .NET 10 SDK is the one thing that is not fetched here.
need_sdk() {
    if ! command -v dotnet >/dev/null 2>&1; then
        die "The .NET 10 SDK is missing. Install it as https://learn.microsoft.com/dotnet/core/install/linux says, then run this again."
    fi
    if ! (cd "$TOP" && dotnet --version >/dev/null 2>&1); then
        die "This needs the .NET 10 SDK; installed here: $(dotnet --list-sdks | tr '\n' ' '). See https://learn.microsoft.com/dotnet/core/install/linux"
    fi
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
        die "Missing packages. Run this, then try again:  sudo apt-get install -y --no-install-recommends ${missing[*]}"
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

# publish_programs: native AOT into out/bin; a warning is an error.
publish_programs() {
    local name log
    log=$(mktemp)
    for name in qwamosd gateway-policyd qwamosctl; do
        say "building $name"
        if ! dotnet publish "$TOP/src/$name" -c Release -r linux-x64 -o "$TOP/out/bin" -nologo -v q >"$log" 2>&1 </dev/null; then
            cat "$log" >&2
            die "building $name failed"
        fi
        if grep -qi 'warning' "$log"; then
            cat "$log" >&2
            die "building $name printed a warning"
        fi
    done
    rm -f "$log"
}
