"""Measures a change on its way into many domains, each served by a gateway-policyd of its own, or many by one process; called by bench/fleet, which builds everything first."""

import base64
import concurrent.futures
import datetime
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

from nacl.signing import SigningKey

from harness.machine import machine, sentence
from harness.page import update
from harness.programs import BIN, TOOLS, say, start, stop
from harness.results import commit, write
from harness.servers import Bus

SIZES = [1, 10, 100, 1_000]
SILENT = 50
AMONG = 100
ROUNDS = 7
# So many are started, or asked something, at the same time.
AT_ONCE = 8
# So many are served by one process with --together; the silent ones by another.
TOGETHER = 50
LIMIT_SECONDS = 300
WAIT_SECONDS = 30
PAUSE_SECONDS = 0.01
MAX_GROWTH = 1.0
MAX_SILENCE_RATIO = 1.25

# Its enforcer is built in: that of each domain works beside the others on the same two cores, and a program more for each, as a hook is, would be most of what is measured.
# The device takes what is written, and there is no radio.
DEVICE = "dev/rfkill"
KEY = "RADIO_ISOLATION"


def ask(path, command, args=None):
    """One request on a connection of its own."""
    message = {"command": command, **({"args": args} if args else {})}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2 * WAIT_SECONDS)
        client.connect(path)
        client.sendall(json.dumps({"msg": message}).encode() + b"\n")
        return json.loads(client.makefile("rb").readline())


class Fleet(Bus):
    """qwamosd, its courier, and gateways that an operator has enrolled."""

    def __init__(self, size, together):
        super().__init__()
        self.size = size
        self.together = together
        self.names = ["g%d" % number for number in range(size)]
        self.courier = None
        self.gateways = {}
        self.values = 0
        with open(os.path.join(self.folder, "etc/qwamos/domains.json"), "w", encoding="ascii") as file:
            json.dump({"domains": [
                {"name": name, "class": "gateway", "link": "unix:/vm/%s/run/qwamos/gateway-bus.sock" % name} for name in self.names]}, file)

    def vm(self, name, path=""):
        return os.path.join(self.folder, "vm", name, path)

    def start(self):
        super().start()
        self._ctl(self.home, "audit", "key", "--sign")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            groups = [self.names[first:first + self.together] for first in range(0, self.size, self.together)]
            for number, _ in enumerate(pool.map(self.begin, groups), 1):
                if number * self.together % 100 == 0:
                    say("%d gateways run" % (number * self.together))
        self.enrol()
        self.courier = subprocess.Popen(
            [os.path.join(BIN, "qwamosd"), "courier", "--root", self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def begin(self, names):
        """Starts a process that serves them."""
        for name in names:
            for folder in ("etc/qwamos", "var/lib", "dev"):
                os.makedirs(self.vm(name, folder), 0o755, exist_ok=True)
            for file in ("dom0.pub", "system.id"):
                shutil.copy(os.path.join(self.folder, "etc/qwamos", file), self.vm(name, "etc/qwamos"))
            with open(self.vm(name, "etc/qwamos/gateway.json"), "w", encoding="ascii") as file:
                json.dump({"name": name, "class": "gateway", "radio": {"interfaces": ["wlan0"]}}, file)
            open(self.vm(name, DEVICE), "wb").close()
        command = [os.path.join(BIN, "gateway-policyd"), "--root", self.vm(names[0])] if self.together == 1 else [os.path.join(TOOLS, "qwamos-domains"), *map(self.vm, names)]
        self.gateways[names[0]] = start(command, self.vm(names[-1], "run/qwamos/gateway-bus.sock"))

    def enrol(self):
        """What `qwamosctl domains enroll` does, without a process each."""
        with open(os.path.join(self.home, "ed25519_sk"), "rb") as file:
            operator = SigningKey(file.read())
        with open(os.path.join(self.folder, "etc/qwamos/system.id"), encoding="ascii") as file:
            system = file.read().strip()
        key_id = hashlib.sha256(b"qwamos-key\n\x01" + bytes(operator.verify_key)).hexdigest()
        for name in self.names:
            key = ask(self.vm(name, "run/qwamos/gateway-bus.sock"), "get_cursor")["key"]
            statement = {"class": "gateway", "key": key, "name": name, "system": system, "timestamp": int(time.time())}
            canonical = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
            signature = operator.sign(b"qwamos-domain-v1\n" + canonical).signature
            answer = ask(self.socket, "domain_key", {**statement, "key_id": key_id, "signature": base64.b64encode(signature).decode()})
            if answer["status"] != "ok":
                raise SystemExit("%s is not enrolled: %s" % (name, answer))

    def stop(self):
        for process in self.gateways.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self.gateways.values():
            process.wait()
        self.gateways = {}
        if self.courier is not None:
            stop(self.courier)
        self.courier = None
        super().stop()

    def change(self, awaited):
        """Seconds from the start of `qwamosctl set` until the ledger says that the change is in force in so many domains."""
        self.values += 1
        begin = time.perf_counter()
        said = subprocess.run([*self.ctl, "-o", "json", "set", KEY, "on" if self.values % 2 else "off"], capture_output=True, check=True).stdout
        index = json.loads(said.splitlines()[0])["index"]
        while time.perf_counter() - begin < LIMIT_SECONDS:
            # Where some stay silent, it is asked again and again: the wait is for all.
            answer = ask(self.socket, "get_in_force", {"index": index, "wait": 0 if awaited < self.size else WAIT_SECONDS})
            if answer["in_force"] >= awaited:
                return time.perf_counter() - begin
            if answer["settled"]:
                raise SystemExit("it does not come into force: %s" % answer)
            if awaited < self.size:
                time.sleep(PAUSE_SECONDS)
        raise SystemExit("after %d s: %s" % (LIMIT_SECONDS, answer))

    def silence(self, count):
        """From now on so many take connections and answer nothing."""
        for name in self.names[-count::self.together]:
            self.gateways[name].send_signal(signal.SIGSTOP)


def measure(size, together, silent=0):
    fleet = Fleet(size + silent, together)
    try:
        fleet.start()
        fleet.change(size + silent)
        if silent:
            fleet.silence(silent)
        times = []
        for number in range(ROUNDS):
            say("%d gateways, %d silent: round %d of %d" % (size, silent, number + 1, ROUNDS))
            times.append(fleet.change(size))
        return times
    finally:
        fleet.close()


def shown(times):
    return "%.3f s (%.3f to %.3f)" % (statistics.median(times), min(times), max(times))


def report(where, sizes, times, among):
    rows = [("%s gateway%s" % (format(size, ","), "" if size == 1 else "s"), "-", shown(times[size])) for size in sizes]
    missed = []
    for small, large in zip(sizes, sizes[1:]):
        growth = statistics.median(times[large]) / statistics.median(times[small]) / (large / small)
        row = ("%s to %s gateways, the time's growth to that of their number" % (format(small, ","), format(large, ",")), "at most %g times" % MAX_GROWTH, "%.2f times" % growth)
        rows.append(row)
        missed += [row] if growth > MAX_GROWTH else []
    if among:
        ratio = statistics.median(among) / statistics.median(times[AMONG])
        row = ("%d gateways beside %d silent ones, to them alone" % (AMONG, SILENT), "at most %.2f times" % MAX_SILENCE_RATIO, "%.2f times: %s" % (ratio, shown(among)))
        rows.append(row)
        missed += [row] if ratio > MAX_SILENCE_RATIO else []
    text = "\n".join([
        "Measured on %s, commit %s, on %s. %d changes each: a value is the median, in parentheses the least and the greatest." % (datetime.date.today().isoformat(), commit(), sentence(where), ROUNDS),
        "", "| from `qwamosctl set` until it is in force in all | bound | measured |", "|---|---|---|", *("| %s | %s | %s |" % row for row in rows), ""])
    return text, missed


def main():
    arguments = sys.argv[1:]
    sizes = [int(size) for size in arguments[arguments.index("--sizes") + 1].split(",")] if "--sizes" in arguments else SIZES
    # A connection a gateway, at both ends.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    where = machine()
    together = TOGETHER if "--together" in arguments else 1
    times = {size: measure(size, together) for size in sizes}
    among = measure(AMONG, together, SILENT) if AMONG in sizes else None
    text, missed = report(where, sizes, times, among)
    print(text)
    if "--dry-run" not in arguments and sizes == SIZES:
        name = "fleet" if together == 1 else "fleet-together"
        update(name, text)
        write(name, {"machine": where, "seconds": {str(size): list_ for size, list_ in times.items()}, "seconds_beside_silent": among})
    say("all targets met" if not missed else "MISSED: " + "; ".join(row[0] for row in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
