"""What is not a rate: memory, strangers' noise, a million nonces."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.programs import LOAD, TOOLS, options, resident_mb, say
from harness.rates import CLIENTS, PATIENCE_SECONDS, WINDOW
from harness.servers import Bus

IDLE_SECONDS = 2
IDLE_CONNECTIONS = 10_000
SPARE_FILES = 200

HONEST_RATE = 200
HONEST_SECONDS = 4
NOBODY = 65_534
NOISE_REQUESTS = 5_000

NONCES = 1_000_000
NONCES_A_LOAD = 200_000
REPLAY_NONCES = 10_000_000
PROFILE_REQUESTS = 80_000
PROFILE_HZ = 1_999
MEMORY_OF_NONCES = ("_Ledger_Replay", "_Ledger_NonceTable")
"""In the names of its methods."""


def memory(add):
    """Resident, of a daemon that was only started, and with many connections that ask nothing."""
    with Bus() as bus:
        time.sleep(IDLE_SECONDS)
        add("idle", {"resident_mb": resident_mb(bus.process.pid)})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most < IDLE_CONNECTIONS + SPARE_FILES:
        say("at most %d files may be open here (ulimit -Hn): %d connections are not measured" % (most, IDLE_CONNECTIONS))
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Bus() as bus:
        clients = []
        try:
            for _ in range(IDLE_CONNECTIONS):
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                clients.append(client)
                client.connect(bus.socket)
            time.sleep(IDLE_SECONDS)
            # The last of them is served: all before it were accepted.
            clients[-1].settimeout(10)
            clients[-1].sendall(b'{"msg":{"command":"get_status"}}\n')
            if not clients[-1].recv(1 << 16).startswith(b'{"status":"ok"'):
                raise SystemExit("the last of %d connections was not served" % IDLE_CONNECTIONS)
            add("idle connections", {"resident_mb": resident_mb(bus.process.pid), "connections": IDLE_CONNECTIONS})
        finally:
            for client in clients:
                client.close()


def noise(add):
    """An honest client at a fixed rate, alone and beside eight connections of another user that send badly signed requests as fast as they are read."""
    if os.geteuid() != 0:
        say("only root can be another user: noise is not measured")
        return
    honest = {"pace": "open", "clients": 1, "window": 32, "rate": HONEST_RATE, "requests": HONEST_RATE * HONEST_SECONDS, "seconds": PATIENCE_SECONDS}
    with Bus() as bus, tempfile.TemporaryDirectory(prefix="qwb", dir="/var/tmp") as folder:
        # The other user may not come into the folder of these sources; it is of root's group, which the socket lets in.
        for name in (os.path.basename(LOAD), "libsodium.so"):
            os.chmod(shutil.copy(os.path.join(TOOLS, name), folder), 0o755)
        for path in (folder, bus.folder):
            os.chmod(path, 0o750)
        command = [
            "setpriv", "--reuid", str(NOBODY), "--regid", "0", "--clear-groups", os.path.join(folder, os.path.basename(LOAD)), "send",
            *options({"socket": bus.socket, "clients": CLIENTS, "window": 64, "requests": NOISE_REQUESTS, "repeat": "yes"})]
        add("quiet", bus.load(**honest))
        before = bus.ledger_bytes()
        alone = subprocess.run([*command, "--seconds", "1"], stdout=subprocess.PIPE, check=True)
        written = bus.ledger_bytes() - before
        with subprocess.Popen([*command, "--seconds", str(HONEST_SECONDS + 4)], stdout=subprocess.PIPE) as strangers:
            time.sleep(1)
            beside = bus.load(**honest)
            said = strangers.communicate()[0]
        add("beside noise", beside)
        add("noise", {**json.loads(said), "written_bytes": written, "alone_refused": json.loads(alone.stdout)["refused"]})


def million(add):
    """A daemon that holds none and one that holds a million nonces: what a request costs, and the share of a profile that their memory has."""
    load = {"clients": CLIENTS, "window": WINDOW, "requests": PROFILE_REQUESTS}
    with Bus() as bus:
        add("none held", {**bus.load(**load), **profiled(bus, load)})
    with Bus(replay_nonces=REPLAY_NONCES) as bus:
        for done in range(0, NONCES, NONCES_A_LOAD):
            say("filling: %d of %d nonces" % (done, NONCES))
            if bus.load(clients=CLIENTS, window=WINDOW, requests=NONCES_A_LOAD, seconds=120)["accepted"] != NONCES_A_LOAD:
                raise SystemExit("the daemon was too slow to hold a million nonces")
        add("a million held", {
            **bus.load(**load), "nonces": NONCES + PROFILE_REQUESTS, "resident_mb": resident_mb(bus.process.pid), **profiled(bus, load)})


def profiled(bus, load):
    """The share of the samples that lie in the replay memory's code; nothing where there is no profiler."""
    path = os.path.join(bus.folder, "perf.data")
    record = subprocess.Popen(
        ["perf", "record", "-q", "-F", str(PROFILE_HZ), "-p", str(bus.process.pid), "-o", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    bus.load(**load)
    record.send_signal(signal.SIGINT)
    record.wait(30)
    done = subprocess.run(
        ["perf", "report", "-i", path, "--stdio", "--no-children", "--sort", "symbol", "-F", "overhead,symbol", "--percent-limit", "0", "-q"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    lines = [line.split(None, 1) for line in done.stdout.decode(errors="replace").splitlines() if "%" in line]
    symbols = [(float(line[0].rstrip("%")) / 100, line[1]) for line in lines if len(line) == 2]
    if not any("Qwamos" in symbol for _, symbol in symbols):
        say("the profile names no method of the daemon: the lookup's share is not measured")
        return {}
    return {"memory_share": sum(share for share, symbol in symbols if any(name in symbol for name in MEMORY_OF_NONCES))}
