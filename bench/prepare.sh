#!/usr/bin/env bash
# Sourced by bench/run and bench/ledger: publishes the programs and builds the load generator.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# shellcheck source=tests/prepare.sh
. "$TOP/tests/prepare.sh"

need_sdk
need_packages clang:clang /usr/include/zlib.h:zlib1g-dev python3:python3 openssl:openssl \
    /usr/lib/python3/dist-packages/nacl:python3-nacl /usr/lib/python3/dist-packages/jsonschema:python3-jsonschema
publish_programs
say "building the load generator"
dotnet publish "$TOP/bench/load" -c Release -o "$TOP/out/bench" -nologo -v q >&2 </dev/null
