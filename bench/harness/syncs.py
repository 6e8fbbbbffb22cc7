"""How many times a server syncs its files for a request: counted by the kernel, in short runs of their own, for counting costs time."""

import signal
import subprocess
import time

from harness.programs import say
from harness.rates import CLIENTS, MANY_CLIENTS, WINDOW
from harness.servers import Bus, Etcd, Redis

CALLS = ("fsync", "fdatasync", "sync_file_range", "msync")
LOADS = {
    "pipelined": {"clients": CLIENTS, "window": WINDOW, "requests": 20_000},
    "clients64": {"clients": MANY_CLIENTS, "requests": 10_000},
    "client1": {"clients": 1, "requests": 1_000},
    "connection": {"clients": CLIENTS, "pace": "connection", "requests": 5_000},
}


def sync_calls(add):
    if not can_count():
        say("the kernel counts no system calls here: syncs a request are not measured")
        return
    for name, kind, loads in (("qwamosd", Bus, LOADS), ("etcd", Etcd, ("clients64", "client1")), ("Redis", Redis, ("clients64", "client1"))):
        for load in loads:
            with kind() as server:
                add("%s, %s" % (name, load), {"syncs": counted(server, LOADS[load])})


def can_count():
    return subprocess.run([*perf(), "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def perf():
    return ["perf", "stat", "-x,", "-e", ",".join("syscalls:sys_enter_" + call for call in CALLS)]


def counted(server, load):
    """Syncs an accepted request."""
    counter = subprocess.Popen([*perf(), "-p", str(server.process.pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.3)
    result = server.load(**load)
    counter.send_signal(signal.SIGINT)
    said = counter.communicate(timeout=10)[1].decode()
    return sum(int(line.split(",")[0]) for line in said.splitlines() if "sys_enter_" in line) / result["accepted"]
