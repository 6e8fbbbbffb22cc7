#!/bin/sh
# Installs the QWAMOS control bus where there are no Debian packages. Run as root in the unpacked folder:
#   ./install.sh dom0|gateway|client|link [--prefix DIR] [--destdir DIR]
#   ./install.sh remove [--prefix DIR] [--destdir DIR]
# Programs go below --prefix (/usr/local); units, account and folders where systemd looks for them in /etc. Configuration that is there stays.
# Run again, it upgrades: a daemon that runs is restarted. remove takes away what was installed and leaves keys, ledger and configuration.
# Below --destdir nothing is started and no account made.
set -eu
umask 022
HERE=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s\n' "$*"; }
die() { say "install.sh: $*" >&2; exit 1; }
usage() { sed -n '2,/^set -eu/{s/^# \{0,1\}//p}' "$HERE/install.sh"; }

case " $* " in *" --help "* | *" -h "*) usage; exit 0 ;; esac
[ $# -ge 1 ] || die "what? dom0, gateway, client, link or remove: see --help"
PART=$1 PREFIX=/usr/local DESTDIR=
shift
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 takes a value, or is not known: see --help"
    case $1 in
        --prefix) PREFIX=$2 ;;
        --destdir) DESTDIR=$2 ;;
        *) die "unknown option $1: see --help" ;;
    esac
    shift 2
done
case $PREFIX in /*) ;; *) die "--prefix takes an absolute path" ;; esac
[ -n "$DESTDIR" ] || [ "$(id -u)" -eq 0 ] || die "run this as root, or with --destdir"

LIB=$DESTDIR$PREFIX/lib/qwamos BIN=$DESTDIR$PREFIX/bin MAN=$DESTDIR$PREFIX/share/man UNITS=$DESTDIR/etc/systemd/system

# Their folders in /var/lib are no domain's: systemd would give them to the domain's account before its program could refuse.
MASKED="gateway-policyd@boot.service gateway-policyd@courier.service gateway-policyd@hook.service gateway-policyd@link.service"

# part_of UNIT: whose it is.
part_of() { case $1 in gateway-* | qwamos-gateway-* | qwamos-hook*) say gateway ;; qwamos-link-*) say link ;; *) say dom0 ;; esac; }

# units_of PART
units_of() {
    for file in "$HERE"/systemd/*.*; do
        [ "$(part_of "${file##*/}")" != "$1" ] || say "${file##*/}"
    done
}

# ours: the units that this script installed, with their program; a package's, which an administrator masked or changed, are not.
ours() {
    for unit in "$HERE"/systemd/*; do
        unit=${unit##*/}
        case $(part_of "$unit") in gateway) daemon=gateway-policyd ;; link) daemon=qwamos-link ;; *) daemon=qwamosd ;; esac
        [ ! -e "$LIB/$daemon" ] || [ ! -f "$UNITS/$unit" ] || [ -L "$UNITS/$unit" ] || say "$unit"
    done
}

live() { [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; }

# program NAME: beside its libraries, and by a link on the path.
program() {
    install -d "$LIB" "$BIN"
    install -m 755 "$HERE/bin/$1" "$LIB/$1"
    install -m 644 "$HERE/bin/libsodium.so" "$HERE/bin/libe_sqlite3.so" "$LIB"
    ln -sf "../lib/qwamos/$1" "$BIN/$1"
}

# units PART: with the programs' place in them.
units() {
    install -d "$UNITS" "$DESTDIR/etc/sysusers.d" "$DESTDIR/etc/tmpfiles.d"
    for unit in $(units_of "$1"); do
        sed "s:^ExecStart=/usr/bin/:ExecStart=$PREFIX/bin/:" "$HERE/systemd/$unit" >"$UNITS/$unit"
        chmod 644 "$UNITS/$unit"
    done
    install -m 644 "$HERE/sysusers.d/qwamos.conf" "$DESTDIR/etc/sysusers.d"
}

# user_units: an operator's own, which each enables for themselves.
user_units() {
    install -d "$DESTDIR/etc/systemd/user"
    for unit in "$HERE"/systemd/user/*; do
        sed "s:^ExecStart=/usr/bin/:ExecStart=$PREFIX/bin/:" "$unit" >"$DESTDIR/etc/systemd/user/${unit##*/}"
        chmod 644 "$DESTDIR/etc/systemd/user/${unit##*/}"
    done
}

configuration() {
    install -d "$DESTDIR/etc/qwamos"
    [ -e "$DESTDIR/etc/qwamos/${1##*/}" ] || install -m 644 "$1" "$DESTDIR/etc/qwamos"
}

manual() {
    for page in "$@"; do
        install -d "$MAN/man${page##*.}"
        install -m 644 "$HERE/man/$page" "$MAN/man${page##*.}"
    done
}

# started TMPFILES PART SERVICE...: sockets and timer from now on, the rest at the next boot. The daemon starts with its first client; one
# that runs is restarted for the new program, and its clients wait at the socket.
started() {
    live || return 0
    systemd-sysusers
    systemd-tmpfiles --create "$1"
    systemctl daemon-reload
    # shellcheck disable=SC2046 # names of units have no blanks
    for unit in $(cd "$HERE/systemd" && grep -l '^\[Install\]' $(units_of "$2")); do
        # Metrics are shown to nobody, and links go over TLS for nobody, unless the administrator enables their units; other domains are served where the administrator says which.
        case $unit in
            *-metrics.socket | *@.* | qwamos-link-*) ;;
            *.socket | *.timer) systemctl enable --quiet --now "$unit" ;;
            *) systemctl enable --quiet "$unit" ;;
        esac
    done
    shift 2
    systemctl try-restart "$@"
}

case $PART in
    dom0)
        program qwamosd
        program qwamosctl
        units dom0
        user_units
        install -m 644 "$HERE/sysusers.d/qwamos-courier.conf" "$DESTDIR/etc/sysusers.d"
        install -m 644 "$HERE/tmpfiles.d/qwamos.conf" "$DESTDIR/etc/tmpfiles.d"
        configuration "$HERE/conf/qwamosd.json"
        configuration "$HERE/conf/policy.schema.json"
        manual qwamosd.8 qwamosctl.1 qwamosd.json.5 policy.schema.json.5 qwamos-files.5
        started qwamos.conf dom0 qwamosd.service
        say "Installed. The next three commands, with the operator's name for NAME:"
        say "  as NAME:  qwamosctl key show"
        say "  as root:  usermod -aG qwamos NAME && qwamosd enroll ~NAME/.qwamos/dom0/ed25519_pk"
        say "  as NAME, logged in again for the group:  qwamosctl set RADIO_ISOLATION on"
        ;;
    gateway)
        program gateway-policyd
        units gateway
        for unit in $MASKED; do ln -sf /dev/null "$UNITS/$unit"; done
        install -m 644 "$HERE/sysusers.d/qwamos-gateway.conf" "$DESTDIR/etc/sysusers.d"
        install -m 644 "$HERE/tmpfiles.d/qwamos-gateway.conf" "$DESTDIR/etc/tmpfiles.d"
        install -d "$DESTDIR/etc/udev/rules.d"
        install -m 644 "$HERE/udev/60-qwamos-gateway.rules" "$DESTDIR/etc/udev/rules.d"
        configuration "$HERE/conf/gateway.json"
        manual gateway-policyd.8 gateway.json.5 hooks.d.5
        started qwamos-gateway.conf gateway gateway-policyd.service 'gateway-policyd@*.service'
        say "Installed. Next, as root, with the operator's public key and Dom0's system ID:  gateway-policyd enroll ed25519_pk --system HEX"
        ;;
    link)
        program qwamos-link
        units link
        install -m 644 "$HERE/sysusers.d/qwamos-link.conf" "$DESTDIR/etc/sysusers.d"
        install -m 644 "$HERE/tmpfiles.d/qwamos-link.conf" "$DESTDIR/etc/tmpfiles.d"
        manual qwamos-link.8
        started qwamos-link.conf link qwamos-link-dial.service qwamos-link-serve.service
        say "Installed. Next: docs/guide/links.md"
        ;;
    client)
        program qwamosctl
        user_units
        manual qwamosctl.1
        say "Installed. Next:  qwamosctl key show"
        ;;
    remove)
        mine=$(ours)
        if live && [ -n "$mine" ]; then
            # Of a template the instances are what runs, those too that nobody enabled; it can only be disabled itself.
            others=
            for unit in $mine; do
                case $unit in
                    *@.*)
                        systemctl stop "${unit%.*}*.${unit##*.}" 2>/dev/null || true
                        systemctl disable --quiet "$unit" 2>/dev/null || true
                        systemctl reset-failed "${unit%.*}*.${unit##*.}" 2>/dev/null || true
                        ;;
                    *) others="$others $unit" ;;
                esac
            done
            # shellcheck disable=SC2086 # names of units have no blanks
            systemctl disable --quiet --now $others 2>/dev/null || true
            # shellcheck disable=SC2086
            systemctl reset-failed $others 2>/dev/null || true
        fi
        for unit in $mine; do rm -f "$UNITS/$unit"; done
        case $mine in *gateway-policyd@*) for unit in $MASKED; do rm -f "$UNITS/$unit"; done ;; esac
        for unit in "$HERE"/systemd/user/*; do rm -f "$DESTDIR/etc/systemd/user/${unit##*/}"; done
        for name in qwamosd gateway-policyd qwamosctl qwamos-link; do rm -f "$BIN/$name" "$LIB/$name"; done
        rm -f "$LIB/libsodium.so" "$LIB/libe_sqlite3.so" "$DESTDIR"/etc/sysusers.d/qwamos.conf "$DESTDIR"/etc/sysusers.d/qwamos-courier.conf "$DESTDIR"/etc/sysusers.d/qwamos-gateway.conf "$DESTDIR"/etc/sysusers.d/qwamos-link.conf "$DESTDIR"/etc/tmpfiles.d/qwamos.conf "$DESTDIR"/etc/tmpfiles.d/qwamos-gateway.conf "$DESTDIR"/etc/tmpfiles.d/qwamos-link.conf "$DESTDIR/etc/udev/rules.d/60-qwamos-gateway.rules"
        for page in "$HERE"/man/*; do rm -f "$MAN/man${page##*.}/${page##*/}"; done
        [ ! -d "$LIB" ] || rmdir "$LIB"
        live && systemctl daemon-reload
        say "Removed. /etc/qwamos, /var/lib/qwamos and the folders /var/lib/qwamos-* are left as they are."
        ;;
    *) die "what? dom0, gateway, client, link or remove, not $PART: see --help" ;;
esac
