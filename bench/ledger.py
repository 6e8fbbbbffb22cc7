"""Measures a long ledger beside an empty and a short one, in one run; called by bench/ledger, which builds everything first."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time

from measure import BIN, LOAD, Bench, load, machine, resident_mb, say, stop, update

ENTRIES = 1_000_000
SHORT_ENTRIES = 1_000
# The nonces of the messages that are not stale yet are held in memory, and filling is quicker than they go stale: more than a million.
REPLAY_NONCES = 10_000_000
FRESHNESS_SECONDS = 300
FILL_REQUESTS = 200_000
START_RUNS = 15
IDLE_RUNS = 5
IDLE_SECONDS = 3
APPEND_ROUNDS = 9
# requests, and how they are sent
LOADS = {"one by one": (1_000, {"clients": 1}), "8 clients": (8_000, {}), "pipelined": (30_000, {"pipelined": "yes"})}
VERIFY_ROUNDS = 2
PLAIN_SIGNATURES = 200_000

MAX_START_RATIO = 3
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


def start_to_ready(bench):
    """The daemon and how many ms passed until it answered."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [os.path.join(BIN, "qwamosd"), "--root", bench.root], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers(bench.bus):
        if process.poll() is not None or time.perf_counter() - begin > 60:
            raise SystemExit("qwamosd does not start under " + bench.root)
        time.sleep(0.0005)
    return process, (time.perf_counter() - begin) * 1000


def configure(bench):
    folder = os.path.join(bench.root, "etc/qwamos")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "qwamosd.json"), "w", encoding="ascii") as file:
        json.dump({"gateways": [], "replay_nonces": REPLAY_NONCES}, file)


def fill(bench, entries):
    for done in range(0, entries, FILL_REQUESTS):
        say("filling: %d of %d" % (done, entries))
        process, _ = start_to_ready(bench)
        result = load(bench.bus, bench.home, requests=min(FILL_REQUESTS, entries - done), pipelined="yes", seconds=280)
        stop(process)
        if result["answered"] != min(FILL_REQUESTS, entries - done):
            raise SystemExit("the daemon was too slow: %s" % result)


def starts(benches):
    times = {name: [] for name in benches}
    for _ in range(START_RUNS):
        for name, bench in benches.items():
            process, took = start_to_ready(bench)
            times[name].append(took)
            stop(process)
    return {name: statistics.median(list_) for name, list_ in times.items()}


def residents(benches):
    """Resident MB when idle after a start, and the same after the pipelined load."""
    found = []
    # All without the load first: it makes the empty ledger a longer one.
    for requests in (0, LOADS["pipelined"][0]):
        sizes = {name: [] for name in benches}
        for _ in range(IDLE_RUNS):
            for name, bench in benches.items():
                process, _ = start_to_ready(bench)
                if requests:
                    load(bench.bus, bench.home, requests=requests, pipelined="yes", seconds=60)
                time.sleep(IDLE_SECONDS)
                sizes[name].append(resident_mb(process.pid))
                stop(process)
        found.append({name: statistics.median(list_) for name, list_ in sizes.items()})
    return found


def appends(short, long):
    """Microseconds a request, by load and ledger; the short ledger is put back to its size for each round."""
    state = os.path.join(short.root, "var/lib/qwamos")
    kept = state + ".kept"
    shutil.copytree(state, kept)
    costs = {name: {"short": [], "long": []} for name in LOADS}
    for number in range(APPEND_ROUNDS):
        say("appending: round %d of %d" % (number + 1, APPEND_ROUNDS))
        for name, (requests, options) in LOADS.items():
            # In turns, and each first in turn, so that a noisy neighbour meets both alike.
            for which in (("short", "long") if number % 2 == 0 else ("long", "short")):
                bench = short if which == "short" else long
                if which == "short":
                    shutil.rmtree(state)
                    shutil.copytree(kept, state)
                process, _ = start_to_ready(bench)
                # The first request of a start reads the nonces of the last 300 s: as many as there were, in however long a ledger.
                load(bench.bus, bench.home, requests=1, clients=1)
                result = load(bench.bus, bench.home, requests=requests, seconds=60, **options)
                stop(process)
                costs[name][which].append(result["seconds"] / result["answered"] * 1e6)
    return {name: {which: statistics.median(list_) for which, list_ in each.items()} for name, each in costs.items()}


def plain_rate(bench):
    done = subprocess.run([LOAD, "--home", bench.home, "--verify", str(PLAIN_SIGNATURES)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["per_second"]


def timed(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begin, done.stdout.decode()


def audit(bench):
    """Export and verify: seconds, sizes, and the rate beside that of plain verification in the same minutes."""
    process, _ = start_to_ready(bench)
    key = subprocess.run([*bench.ctl, "audit", "key"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    directory = os.path.join(bench.root, "export")
    export_seconds, _ = timed([*bench.ctl, "audit", "export", directory])
    stop(process)
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
        "database_bytes": os.path.getsize(os.path.join(bench.root, "var/lib/qwamos/ledger.db")),
    }


def report(where, entries, ready, idle, loaded, costs, found):
    count = found["entries"]
    rate = found["signatures"] / found["verify_seconds"]
    share = rate / found["plain_rate"]
    start_ratio = ready["long"] / ready["empty"]
    more = max(idle["long"] - idle["empty"], loaded["long"] - loaded["empty"])
    append = {name: each["long"] / each["short"] for name, each in costs.items()}
    rows = [
        ("start until the first answer, to an empty ledger", "at most %d times" % MAX_START_RATIO,
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
        start_ratio <= MAX_START_RATIO, more <= MAX_MORE_MB, *(ratio <= MAX_APPEND_RATIO for ratio in append.values()), share >= MIN_VERIFY_SHARE]) if not isMet]
    text = "\n".join([
        "Measured on %s." % where, "", "| %s entries | bound | measured |" % format(entries, ","), "|---|---|---|", *("| %s | %s | %s |" % row for row in rows), ""])
    return text, missed


def main():
    arguments = sys.argv[1:]
    entries = int(arguments[arguments.index("--entries") + 1]) if "--entries" in arguments else ENTRIES
    benches = {"empty": Bench(), "short": Bench(), "long": Bench()}
    try:
        for bench in benches.values():
            configure(bench)
        where = machine(benches["long"])
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
    say("all targets met" if not missed else "MISSED: " + "; ".join(row[0] for row in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
