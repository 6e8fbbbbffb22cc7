"""Measures the published programs beside the old design, in one run; called by bench/run, which builds everything first."""

import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(TOP, "out", "bin")
LOAD = os.path.join(TOP, "out", "bench", "qwamos-load")
PAGE = os.path.join(TOP, "docs", "performance.md")

ROUNDS = 3
SECONDS_A_ROUND = 5
CLIENTS = 8
PROCESS_RUNS = 60
IDLE_SECONDS = 3

MIN_RATIO = 5
MAX_START_RATIO = 3
MAX_BOOT_RATIOS = {"nothing": 3, "three": 8}
STAGED = ("KERNEL_HARDENING", "strict", "BOOT_VERIFICATION", "strict", "CRYPTO_BACKEND", "hybrid")
MAX_IDLE_MB = 25


def say(text):
    print(text, file=sys.stderr, flush=True)


def listens(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
            return True
        except OSError:
            return False


def start(command, path):
    """A running daemon that listens on `path`."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not listens(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("does not start: " + " ".join(command))
        time.sleep(0.02)
    return process


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def load(path, home, **options):
    arguments = [item for name, value in options.items() for item in ("--" + name, str(value))]
    done = subprocess.run(
        [LOAD, "--socket", path, "--home", home, "--clients", str(CLIENTS), "--seconds", str(SECONDS_A_ROUND), *arguments],
        stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def resident_mb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        kilobytes = re.search(r"VmRSS:\s+(\d+) kB", file.read())
    return int(kilobytes.group(1)) / 1024


def whole_process_ms(commands, before):
    """The median wall time of each command as a whole process, run in turns; what is called before each of its runs is not measured."""
    times = {name: [] for name in commands}
    for _ in range(PROCESS_RUNS):
        for name, command in commands.items():
            before.get(name, int)()
            begin = time.perf_counter()
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            times[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(list_) for name, list_ in times.items()}


class Bench:
    def __init__(self):
        # Not /tmp, which may be in memory, where syncing costs nothing.
        self.root = tempfile.mkdtemp(prefix="qwb", dir="/var/tmp")
        self.home = os.path.join(self.root, "operator")
        self.bus = os.path.join(self.root, "run/qwamos/bus.sock")
        self.old = os.path.join(self.root, "old.sock")
        self.ctl = [os.path.join(BIN, "qwamosctl"), "--root", self.root, "--home", self.home]
        subprocess.run([*self.ctl, "key", "show"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        etc = os.path.join(self.root, "etc/qwamos")
        os.makedirs(etc, 0o755, exist_ok=True)
        self.anchor = shutil.copyfile(os.path.join(self.home, "ed25519_pk"), os.path.join(etc, "dom0.pub"))
        os.chmod(self.anchor, 0o644)

    def start_daemon(self):
        return start([os.path.join(BIN, "qwamosd"), "--root", self.root], self.bus)

    def start_old(self, *options):
        return start([
            sys.executable, "-B", os.path.join(TOP, "bench/old_design.py"), "--socket", self.old, "--anchor", self.anchor,
            "--schema", os.path.join(TOP, "schemas/policy.schema.json"), "--status", os.path.join(self.root, "old-status.json"),
            *options], self.old)

    def throughput(self):
        """Rounds in turns, so that a noisy neighbour meets all alike; the median round of each."""
        rounds = {"old": [], "prepared": [], "new": [], "pipelined": []}
        for number in range(ROUNDS):
            say("round %d of %d" % (number + 1, ROUNDS))
            for name, options in (("old", ()), ("prepared", ("--prepared-validator",))):
                daemon = self.start_old(*options)
                rounds[name].append(load(self.old, self.home))
                stop_hard(daemon)
            daemon = self.start_daemon()
            rounds["new"].append(load(self.bus, self.home, requests=60_000))
            rounds["pipelined"].append(load(self.bus, self.home, requests=150_000, pipelined="yes"))
            stop(daemon)
        return {name: sorted(list_, key=lambda result: result["per_second"])[len(list_) // 2] for name, list_ in rounds.items()}

    def processes(self):
        daemon = self.start_daemon()
        times = whole_process_ms({
            "openssl": ["openssl", "version"],
            "set": [*self.ctl, "set", "RADIO_IDLE_TIMEOUT_MIN", "5"],
        }, {})
        stop(daemon)
        return times

    def boots(self):
        """The boot with nothing staged, of a system that booted before; and with three keys, of one that never did so with these."""
        apply = [os.path.join(BIN, "qwamosd"), "--root", self.root, "apply-pending"]
        daemon = self.start_daemon()
        subprocess.run([*self.ctl, "set", "RADIO_ISOLATION", "off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        stop(daemon)
        subprocess.run(apply, stderr=subprocess.DEVNULL, check=True)
        nothing = whole_process_ms({"openssl": ["openssl", "version"], "nothing": apply}, {})
        daemon = self.start_daemon()
        subprocess.run([*self.ctl, "set", *STAGED], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        stop(daemon)
        kept = self.root + ".kept"
        shutil.copytree(self.root, kept, symlinks=True)

        def put_back():
            shutil.rmtree(self.root)
            shutil.copytree(kept, self.root, symlinks=True)
            # The copy's own pages are not what a boot waits for.
            os.sync()

        staged = whole_process_ms({"openssl": ["openssl", "version"], "three": apply}, {"three": put_back})
        shutil.rmtree(kept)
        return {
            "nothing": (nothing["nothing"], nothing["openssl"]),
            "three": (staged["three"], staged["openssl"]),
        }

    def idle(self):
        daemon = self.start_daemon()
        time.sleep(IDLE_SECONDS)
        size = resident_mb(daemon.pid)
        stop(daemon)
        return size

    def file_system(self):
        done = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", self.root], stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().strip()

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


def stop_hard(process):
    process.kill()
    process.wait()


def machine(bench):
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'PRETTY_NAME="([^"]+)"', file.read()).group(1)
    return "%d cores (%s), %s, the load generator beside the daemon; the ledger on %s" % (
        os.cpu_count(), platform.machine(), system, bench.file_system())


def main():
    bench, fresh = Bench(), None
    try:
        where = machine(bench)
        say("idle")
        idle = bench.idle()
        rates = bench.throughput()
        say("whole processes")
        times = bench.processes()
        say("boots")
        fresh = Bench()
        boots = fresh.boots()
    finally:
        bench.close()
        if fresh is not None:
            fresh.close()
    ratio = rates["new"]["per_second"] / rates["old"]["per_second"]
    start_ratio = times["set"] / times["openssl"]
    boot_ratios = {name: took / openssl for name, (took, openssl) in boots.items()}
    verdicts = [ratio >= MIN_RATIO, start_ratio <= MAX_START_RATIO, idle < MAX_IDLE_MB, *(boot_ratios[name] <= MAX_BOOT_RATIOS[name] for name in boots)]
    text = report(where, rates, times, idle, ratio, start_ratio, boots)
    print(text)
    if "--dry-run" not in sys.argv:
        update("measured", text)
    say("all targets met" if all(verdicts) else "A TARGET IS MISSED")
    return 0 if all(verdicts) else 1


def report(where, rates, times, idle, ratio, start_ratio, boots):
    def rate(name):
        result = rates[name]
        return "%d | %.1f | %.1f" % (result["per_second"], result["p50_ms"], result["p99_ms"])

    return "\n".join([
        "Measured on %s." % where,
        "",
        "| %d clients | requests a second | median ms | 99th percentile ms |" % CLIENTS,
        "|---|---|---|---|",
        "| old design, as it was | %s |" % rate("old"),
        "| old design, validator built once | %s |" % rate("prepared"),
        "| qwamosd, one request a connection, every answer durable | %s |" % rate("new"),
        "| qwamosd, pipelined, every answer durable | %s |" % rate("pipelined"),
        "",
        "| target | bound | measured |",
        "|---|---|---|",
        "| qwamosd to the old design as it was, one request a connection | at least %d times | %.1f times |" % (MIN_RATIO, ratio),
        "| `qwamosctl set` to `openssl version`, whole processes | at most %d times | %.1f times (%.1f ms to %.1f ms) |"
        % (MAX_START_RATIO, start_ratio, times["set"], times["openssl"]),
        *("| `qwamosd apply-pending` with %s to `openssl version`, whole processes | at most %d times | %.1f times (%.1f ms to %.1f ms) |"
          % (what, MAX_BOOT_RATIOS[name], boots[name][0] / boots[name][1], *boots[name]) for name, what in (("nothing", "nothing staged"), ("three", "three keys staged"))),
        "| qwamosd resident when idle | below %d MB | %.1f MB |" % (MAX_IDLE_MB, idle),
        "",
    ])


def update(name, text):
    """Puts `text` into the page, between the comment of that name and the next one that ends a table."""
    table = re.compile(r"(<!-- %s -->\n).*?(<!-- end -->)" % name, re.DOTALL)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(table.sub(lambda match: match.group(1) + text + match.group(2), page))


if __name__ == "__main__":
    sys.exit(main())
