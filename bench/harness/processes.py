"""Whole processes: from before the start until the end, in turns."""

import os
import shutil
import statistics
import subprocess
import sys

from harness.programs import BIN, TOP, which, whole_process
from harness.servers import Bus, DBus, Etcd, OldDesign

RUNS = 15
STAGED = ("KERNEL_HARDENING", "strict", "BOOT_VERIFICATION", "strict", "CRYPTO_BACKEND", "hybrid")


def whole(add):
    with Bus() as bus, OldDesign(bus) as old, Etcd() as etcd, DBus() as dbus:
        add_medians(add, {
            "openssl version": ([which("openssl"), "version"], None),
            "qwamosctl set": ([*bus.ctl, "set", "RADIO_IDLE_TIMEOUT_MIN", "5"], None),
            "qwamosctl status": ([*bus.ctl, "status"], None),
            "qwamosctl --help": ([bus.ctl[0], "--help"], None),
            "busctl call": (dbus.call_once(), dbus.environment()),
            "etcdctl put": (etcd.put("5"), etcd.environment()),
            "the old client": ([
                sys.executable, "-B", os.path.join(TOP, "bench/old_client.py"), "--socket", old.socket, "--key", os.path.join(bus.home, "ed25519_sk"),
                "RADIO_IDLE_TIMEOUT_MIN", "5"], None),
        })


def boots(add):
    """The boot with nothing staged, of a system that booted before; and with three keys, of one that never did so with these."""
    with Bus() as bus:
        apply = [os.path.join(BIN, "qwamosd"), "--root", bus.folder, "apply-pending"]
        change(bus, "RADIO_ISOLATION", "off")
        whole_process(apply)
        add_medians(add, {"openssl version, beside nothing staged": ([which("openssl"), "version"], None), "qwamosd apply-pending, nothing staged": (apply, None)})
        bus.start()
        change(bus, *STAGED)
        kept = bus.folder + ".kept"
        shutil.copytree(bus.folder, kept, symlinks=True)
        try:
            def put_back():
                shutil.rmtree(bus.folder)
                shutil.copytree(kept, bus.folder, symlinks=True)
                # The copy's own pages are not what a boot waits for.
                os.sync()

            add_medians(add, {
                "openssl version, beside three keys staged": ([which("openssl"), "version"], None),
                "qwamosd apply-pending, three keys staged": (apply, None),
            }, {"qwamosd apply-pending, three keys staged": put_back})
        finally:
            shutil.rmtree(kept)


def change(bus, *pairs):
    subprocess.run([*bus.ctl, "set", *pairs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    bus.stop()


def add_medians(add, commands, before=None):
    runs = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, (command, environment) in commands.items():
            (before or {}).get(name, int)()
            runs[name].append(whole_process(command, environment))
    for name, taken in runs.items():
        add(name, {figure: statistics.median(each[figure] for each in taken) for figure in ("ms", "cpu_ms")})
