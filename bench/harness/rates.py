"""How fast: each part measures the daemon and its yardsticks once, one after another; rounds over all parts interleave them."""

import os
import tempfile
import time

from harness.programs import resident_mb, tool
from harness.servers import Bus, DBus, Echo, Etcd, OldDesign, Redis

CLIENTS = 8
WINDOW = 32
MANY_CLIENTS = 64
OPEN_RATE = 4_000
OPEN_SECONDS = 3
OPEN_WINDOW = 16
PATIENCE_SECONDS = 60
"""For an open loop: what is due is sent in the end, however late, or the worst latencies would be missing."""
PIPELINED_REQUESTS = 80_000
VERIFICATIONS = 20_000
SYNCS = 500
HOLDERS = 5
SYNC_BYTES = 4_096


def plain(add):
    """What the cores do by themselves."""
    with Bus() as bus:
        for threads, name in ((1, "one core"), (2, "two cores")):
            add("libsodium verifies, " + name, tool("verify", "--home", bus.home, "--requests", str(VERIFICATIONS * threads), "--clients", str(threads)))
    for threads, name in ((1, "one thread"), (2, "two threads")):
        add("multiplies, " + name, tool("multiply", "--clients", str(threads)))


def syncs(add):
    """fdatasync after each write: to the end of a file, and into one that was written before."""
    with tempfile.TemporaryDirectory(prefix="qwb", dir="/var/tmp") as folder:
        for name in ("appending", "preallocated"):
            path = os.path.join(folder, name)
            file = os.open(path, os.O_CREAT | os.O_RDWR)
            if name == "preallocated":
                os.write(file, bytes(SYNC_BYTES * SYNCS))
                os.fsync(file)
            took = []
            for number in range(SYNCS):
                begin = time.perf_counter()
                os.pwrite(file, os.urandom(SYNC_BYTES), number * SYNC_BYTES)
                os.fdatasync(file)
                took.append((time.perf_counter() - begin) * 1e6)
            os.close(file)
            took.sort()
            add("fdatasync, " + name, {"p50_us": took[SYNCS // 2], "p99_us": took[SYNCS * 99 // 100], "per_second": 1e6 * SYNCS / sum(took)})


def pipelined(add):
    """8 connections, at most 32 unanswered each. Memory and the ledger's size after it are taken here, too."""
    with Bus() as bus:
        empty = bus.ledger_bytes()
        result = bus.load(clients=CLIENTS, window=WINDOW, requests=PIPELINED_REQUESTS)
        resident = resident_mb(bus.process.pid)
        bus.stop()
        entry = (bus.ledger_bytes() - empty) / result["accepted"]
        add("qwamosd", {**result, "nonces": result["accepted"], "resident_mb": resident, "entry_bytes": entry})
    _with(add, (("bare echo", Echo),), clients=CLIENTS, window=WINDOW, requests=PIPELINED_REQUESTS)


def trust(add):
    """The pipelined load at a daemon without a trust root, and at one that has one of five holders, whose messages name the system and the key."""
    given = {"clients": CLIENTS, "window": WINDOW, "requests": PIPELINED_REQUESTS // 2}
    with Bus() as bus:
        add("without", bus.load(**given))
    with Bus() as bus:
        system = bus.found_group(HOLDERS)
        add("with", bus.load(system=system, **given))


def clients64(add):
    """64 connections that are kept, one request at a time each."""
    _with(add, (("qwamosd", Bus), ("etcd", Etcd), ("Redis", Redis), ("bare echo", Echo)), clients=MANY_CLIENTS, requests=50_000)


def client1(add):
    """One connection that is kept, one request at a time."""
    _with(add, (("qwamosd", Bus), ("etcd", Etcd), ("Redis", Redis), ("D-Bus", DBus), ("bare echo", Echo)), clients=1, requests=4_000)


def connection(add):
    """8 clients, each request over a connection of its own."""
    given = {"pace": "connection", "clients": CLIENTS}
    with Bus() as bus:
        add("qwamosd", _counted(bus.load(requests=25_000, **given)))
        with OldDesign(bus) as old:
            add("old design", old.load(requests=4_000, **given))
        with OldDesign(bus, "--lean") as lean:
            add("old design, lean", lean.load(requests=12_000, **given))
    _with(add, (("bare echo", Echo),), requests=25_000, **given)


def open_loop(add):
    """Requests at a fixed rate over 64 connections, whatever the server does; latency from when each was due."""
    given = {"pace": "open", "clients": MANY_CLIENTS, "rate": OPEN_RATE, "requests": OPEN_RATE * OPEN_SECONDS, "seconds": PATIENCE_SECONDS}
    for name, kind, window in (("qwamosd", Bus, OPEN_WINDOW), ("etcd", Etcd, 1), ("Redis", Redis, OPEN_WINDOW)):
        with kind() as server:
            add(name, _counted(server.load(window=window, **given)))


def _with(add, servers, **given):
    for name, kind in servers:
        with kind() as server:
            result = server.load(**given)
            add(name, _counted(result) if kind is Bus else result)


def _counted(result):
    """The ledger was empty before, so that it holds a nonce a request now."""
    return {**result, "nonces": result["accepted"]}
