#!/usr/bin/env bash
# Sourced by bench/run and bench/ledger: finds what they need, and publishes the programs and the load generator.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# shellcheck source=tests/prepare.sh
. "$TOP/tests/prepare.sh"

# publish_tool NAME: bench/NAME, native AOT, into out/bench.
publish_tool() {
    say "building bench/$1"
    dotnet publish "$TOP/bench/$1" -c Release -r linux-x64 -o "$TOP/out/bench" -nologo -v q >&2 </dev/null
}

# build_all: the programs, and what measures them.
build_all() {
    need_sdk
    need_packages clang:clang /usr/include/zlib.h:zlib1g-dev python3:python3 openssl:openssl
    publish_programs
    publish_tool load
}
