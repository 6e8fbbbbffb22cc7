"""Measures a long ledger beside an empty and a short one, in one run; called by bench/ledger, which builds everything first."""

import datetime
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time

from harness.machine import machine, sentence
from harness.page import update
from harness.programs import BIN, resident_mb, say, tool
from harness.results import commit, write
from harness.servers import Bus

ENTRIES = 1_000_000
SHORT_ENTRIES = 1_000
# The nonces of the messages that are not stale yet are held in memory, and filling is quicker than they go stale: more than a million.
REPLAY_NONCES = 10_000_000
FRESHNESS_SECONDS = 300
FILL_REQUESTS = 200_000
PIPELINED = {"clients": 8, "window": 32}
START_RUNS = 15
IDLE_RUNS = 5
IDLE_SECONDS = 3
APPEND_ROUNDS = 9
# requests, and how they are sent
LOADS = {
    "one by one": (1_000, {"pace": "connection", "clients": 1}),
    "8 clients": (8_000, {"pace": "connection", "clients": 8}),
    "pipelined": (30_000, PIPELINED),
}
VERIFY_ROUNDS = 2
PLAIN_SIGNATURES = 200_000

MAX_START_RATIO = 2
MAX_START_MS = 100
MAX_MORE_MB = 30
MAX_APPEND_RATIO = 1.10
MIN_VERIFY_SHARE = 0.80

QUESTION = b'{"msg":{"command":"get_status"}}\n'


def answers(path):
    """Whether a daemon is there and answers: what listens may not be ready yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        try:
            client.connect(path)
            client.sendall(QUESTION)
            return client.recv(1 << 16).startswith(b'{"status":"ok"')
        except OSError:
            return False


class LongBus(Bus):
    """A daemon that is ready when it answers; `ready_ms` is how long that took."""

    def __init__(self):
        super().__init__(replay_nonces=REPLAY_NONCES)
        self.ready_ms = None

    def launch(self):
        begin = time.perf_counter()
        process = subprocess.Popen(
            [os.path.join(BIN, "qwamosd"), "--root", self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not answers(self.socket):
            if process.poll() is not None or time.perf_counter() - begin > 60:
                raise SystemExit("qwamosd does not start under " + self.folder)
            time.sleep(0.0005)
        self.ready_ms = (time.perf_counter() - begin) * 1000
        return process


def fill(bench, entries):
    for done in range(0, entries, FILL_REQUESTS):
        say("filling: %d of %d" % (done, entries))
        bench.start()
        wanted = min(FILL_REQUESTS, entries - done)
        result = bench.load(requests=wanted, seconds=280, **PIPELINED)
        bench.stop()
        if result["accepted"] != wanted:
            raise SystemExit("the daemon was too slow: %s" % result)


def starts(benches):
    times = {name: [] for name in benches}
    for _ in range(START_RUNS):
        for name, bench in benches.items():
            bench.start()
            times[name].append(bench.ready_ms)
            bench.stop()
    return {name: statistics.median(list_) for name, list_ in times.items()}


def residents(benches):
    """Resident MB when idle after a start, and the same after the pipelined load."""
    found = []
    # All without the load first: it makes the empty ledger a longer one.
    for requests in (0, LOADS["pipelined"][0]):
        sizes = {name: [] for name in benches}
        for _ in range(IDLE_RUNS):
            for name, bench in benches.items():
                bench.start()
                if requests:
                    bench.load(requests=requests, **PIPELINED)
                time.sleep(IDLE_SECONDS)
                sizes[name].append(resident_mb(bench.process.pid))
                bench.stop()
        found.append({name: statistics.median(list_) for name, list_ in sizes.items()})
    return found


def appends(short, long):
    """Microseconds a request, by load and ledger; the short ledger is put back to its size for each round."""
    kept = short.state + ".kept"
    shutil.copytree(short.state, kept)
    costs = {name: {"short": [], "long": []} for name in LOADS}
    for number in range(APPEND_ROUNDS):
        say("appending: round %d of %d" % (number + 1, APPEND_ROUNDS))
        for name, (requests, options) in LOADS.items():
            # In turns, and each first in turn, so that a noisy neighbour meets both alike.
            for which in (("short", "long") if number % 2 == 0 else ("long", "short")):
                bench = short if which == "short" else long
                if which == "short":
                    shutil.rmtree(short.state)
                    shutil.copytree(kept, short.state)
                bench.start()
                # The first request of a start reads the nonces of the last 300 s: as many as there were, in however long a ledger.
                bench.load(requests=1, clients=1)
                result = bench.load(requests=requests, **options)
                bench.stop()
                costs[name][which].append(result["seconds"] / result["accepted"] * 1e6)
    return {name: {which: statistics.median(list_) for which, list_ in each.items()} for name, each in costs.items()}


def plain_rate(bench):
    return tool("verify", "--home", bench.home, "--requests", str(PLAIN_SIGNATURES), "--clients", str(os.cpu_count()))["per_second"]


def timed(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begin, done.stdout.decode()


def audit(bench):
    """Export and verify: seconds, sizes, and the rate beside that of plain verification in the same minutes."""
    bench.start()
    key = subprocess.run([*bench.ctl, "audit", "key"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    directory = os.path.join(bench.folder, "export")
    export_seconds, _ = timed([*bench.ctl, "audit", "export", directory])
    bench.stop()
    sizes = {path: os.path.getsize(path) for folder, _, names in os.walk(directory) for path in (os.path.join(folder, name) for name in names)}
    plain, seconds = [plain_rate(bench)], []
    for number in range(VERIFY_ROUNDS):
        say("verifying: round %d of %d" % (number + 1, VERIFY_ROUNDS))
        took, said = timed([*bench.ctl, "-o", "json", "audit", "verify", directory, "--key", key, "--signer", os.path.join(bench.home, "ed25519_pk")])
        seconds.append(took)
        plain.append(plain_rate(bench))
    found = json.loads(said)
    return {
        "entries": found["entries"],
        "signatures": found["signatures"],
        "export_seconds": export_seconds,
        "verify_seconds": statistics.median(seconds),
        "plain_rate": statistics.median(plain),
        "export_bytes": sum(sizes.values()),
        "leaf_bytes": sum(size for path, size in sizes.items() if "/tile/entries/" in path) - 2 * found["entries"],
        "database_bytes": bench.ledger_bytes(),
    }


def report(where, entries, ready, idle, loaded, costs, found):
    count = found["entries"]
    rate = found["signatures"] / found["verify_seconds"]
    share = rate / found["plain_rate"]
    start_ratio = ready["long"] / ready["empty"]
    more = max(idle["long"] - idle["empty"], loaded["long"] - loaded["empty"])
    append = {name: each["long"] / each["short"] for name, each in costs.items()}
    rows = [
        ("start until the first answer, to an empty ledger", "at most %d times, below %d ms" % (MAX_START_RATIO, MAX_START_MS),
         "%.2f times (%.1f ms to %.1f ms)" % (start_ratio, ready["long"], ready["empty"])),
        ("resident memory, more than with an empty ledger", "at most %d MB" % MAX_MORE_MB,
         "%.1f MB idle (%.1f to %.1f), %.1f MB after %d requests (%.1f to %.1f)" % (
             idle["long"] - idle["empty"], idle["long"], idle["empty"],
             loaded["long"] - loaded["empty"], LOADS["pipelined"][0], loaded["long"], loaded["empty"])),
        *((
            "a durable request, %s, to %d entries" % (name, SHORT_ENTRIES), "at most %.2f times" % MAX_APPEND_RATIO,
            "%.2f times (%.1f us to %.1f us)" % (ratio, costs[name]["long"], costs[name]["short"])) for name, ratio in append.items()),
        ("`audit verify`, to all cores' plain Ed25519 verification", "at least %d %%" % (MIN_VERIFY_SHARE * 100),
         "%.0f %% (%d to %d signatures a second; %.1f s)" % (share * 100, rate, found["plain_rate"], found["verify_seconds"])),
        ("`audit export`", "-", "%.1f s, %.0f bytes an entry" % (found["export_seconds"], found["export_bytes"] / count)),
        ("an entry in the database", "-", "%.0f bytes, of which the leaf %.0f" % (found["database_bytes"] / count, found["leaf_bytes"] / count)),
    ]
    missed = [row for row, isMet in zip(rows, [
        start_ratio <= MAX_START_RATIO and ready["long"] < MAX_START_MS, more <= MAX_MORE_MB, *(ratio <= MAX_APPEND_RATIO for ratio in append.values()),
        share >= MIN_VERIFY_SHARE]) if not isMet]
    text = "\n".join([
        "Measured on %s, commit %s, on %s." % (datetime.date.today().isoformat(), commit(), sentence(where)), "", "| %s entries | bound | measured |" % format(entries, ","), "|---|---|---|", *("| %s | %s | %s |" % row for row in rows), ""])
    return text, missed


def main():
    arguments = sys.argv[1:]
    entries = int(arguments[arguments.index("--entries") + 1]) if "--entries" in arguments else ENTRIES
    benches = {"empty": LongBus(), "short": LongBus(), "long": LongBus()}
    try:
        where = machine()
        fill(benches["short"], SHORT_ENTRIES)
        fill(benches["long"], entries)
        found = audit(benches["long"])
        ends = {name: benches[name] for name in ("empty", "long")}
        say("starting")
        ready = starts(ends)
        costs = appends(benches["short"], benches["long"])
        say("waiting %d s, until no message is fresh, in either ledger" % (FRESHNESS_SECONDS + 1))
        time.sleep(FRESHNESS_SECONDS + 1)
        say("idle")
        idle, loaded = residents(ends)
    finally:
        for bench in benches.values():
            bench.close()
    text, missed = report(where, entries, ready, idle, loaded, costs, found)
    print(text)
    if "--dry-run" not in arguments and entries == ENTRIES:
        update("ledger", text)
        write("ledger", {
            "machine": where, "entries": found["entries"], "start_ms": ready, "idle_mb": idle, "loaded_mb": loaded, "request_us": costs, "audit": found})
    say("all targets met" if not missed else "MISSED: " + "; ".join(row[0] for row in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
