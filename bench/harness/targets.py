"""The targets: what is promised of the figures, a row each, and whether it was met."""

import operator
import statistics

from harness import results as kept

MAX_BOOT_RATIOS = {"nothing staged": 3, "three keys staged": 8}
MAX_LOADED_MB = 43
NONCE_BYTES = 48
MAX_READY_MS = 100
BEST_OF_SET = (("openssl version", "at most", 1.5), ("busctl call", "at most", 1), ("etcdctl put", "at least", 3), ("the old client", "at least", 8))
"""Whole processes: ours to the first two, the other two to ours."""


class Target:
    """`values` has one value a round; the median is held against the bound. Without values it was not measured."""

    def __init__(self, what, direction, bound, values, unit="times", beside=""):
        self.what, self.direction, self.bound, self.values, self.unit, self.beside = what, direction, bound, values, unit, beside

    @property
    def measured(self):
        return statistics.median(self.values) if self.values else None

    @property
    def verdict(self):
        if not self.values:
            return "not measured"
        holds = operator.le if self.direction == "at most" else operator.ge
        return "met" if holds(self.measured, self.bound) else "missed"

    def as_json(self):
        return {
            "what": self.what, "bound": "%s %s %s" % (self.direction, number(self.bound), self.unit), "measured": self.measured,
            "rounds": self.values, "beside": self.beside, "verdict": self.verdict}

    def row(self):
        measured = "-"
        if self.values:
            measured = "%s %s" % (number(self.measured), self.unit)
            if len(self.values) > 1:
                measured += " (%s to %s)" % (number(min(self.values)), number(max(self.values)))
        if self.beside:
            measured += "; " + self.beside
        return "| %s | %s %s %s | %s | %s |" % (self.what, self.direction, number(self.bound), self.unit, measured, "**missed**" if self.verdict == "missed" else self.verdict)


def number(value):
    """Three digits are more than any of it is good for."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def targets(found):
    return [*throughput(found), *processes(found), *memory(found), *hostile(found), *ledger(found)]


def ratio(found, part, figure, ours, theirs):
    """Of each round, so that a noisy minute meets both sides."""
    return [a / b for a, b in zip(found.rounds(part, ours, figure), found.rounds(part, theirs, figure))]


def throughput(found):
    def rates(part, theirs):
        return beside(found, part, "per_second", "qwamosd", theirs, "a second")

    cpu = [mine - bare for mine, bare in zip(found.rounds("pipelined", "qwamosd", "server_cpu_us"), found.rounds("plain", "libsodium verifies, two cores", "cpu_us"))]
    bare = [mine / plain for mine, plain in zip(
        found.rounds("pipelined", "qwamosd", "per_second"), found.rounds("plain", "libsodium verifies, two cores", "per_second"))]
    return [
        Target("server CPU an accepted durable request, pipelined 8 x 32, less one bare verification (its CPU in the two-core run)", "at most", 12, cpu, "us"),
        Target("pipelined 8 x 32, to libsodium's bare two-core rate", "at least", 75, [100 * share for share in bare], "%"),
        Target("server CPU a signed change with a trust root of five holders, to without", "at most", 1.05, ratio(found, "trust", "server_cpu_us", "with", "without"),
               beside=beside(found, "trust", "server_cpu_us", "with", "without", "us")),
        Target("64 clients, requests a second to etcd's puts", "at least", 1, ratio(found, "clients64", "per_second", "qwamosd", "etcd"), beside=rates("clients64", "etcd")),
        Target("64 clients, p99 to etcd's", "at most", 0.5, ratio(found, "clients64", "p99_us", "qwamosd", "etcd"),
               beside=beside(found, "clients64", "p99_us", "qwamosd", "etcd", "us")),
        Target("1 client, requests a second to etcd's puts", "at least", 1.7, ratio(found, "client1", "per_second", "qwamosd", "etcd"), beside=rates("client1", "etcd")),
        Target("1 client, p50 to Redis'", "at most", 1.25, ratio(found, "client1", "p50_us", "qwamosd", "Redis"),
               beside=beside(found, "client1", "p50_us", "qwamosd", "Redis", "us")),
        Target("one request a connection, 8 clients, to the old design", "at least", 9, ratio(found, "connection", "per_second", "qwamosd", "old design"),
               beside=rates("connection", "old design")),
        Target("one request a connection, 8 clients, to the lean old design", "at least", 2,
               ratio(found, "connection", "per_second", "qwamosd", "old design, lean"), beside=rates("connection", "old design, lean")),
    ]


def beside(found, part, figure, ours, theirs, unit):
    mine, other = found.median(part, ours, figure), found.median(part, theirs, figure)
    return "" if mine is None or other is None else "%.0f to %.0f %s" % (mine, other, unit)


def processes(found):
    def row(mine, other, direction, bound, part):
        a, b = found.median(part, mine, "ms"), found.median(part, other, "ms")
        return Target(
            "%s to %s, whole processes" % (command(mine), command(other.partition(", beside")[0])), direction, bound, ratio(found, part, "ms", mine, other),
            beside="" if a is None or b is None else "%.1f to %.1f ms" % (a, b))

    rows = []
    for ours in ("qwamosctl set", "qwamosctl --help", "qwamosctl status"):
        for theirs, direction, bound in BEST_OF_SET:
            rows.append(row(*((ours, theirs) if direction == "at most" else (theirs, ours)), direction, bound, "processes"))
    for what, bound in MAX_BOOT_RATIOS.items():
        rows.append(row("qwamosd apply-pending, " + what, "openssl version, beside " + what, "at most", bound, "boots"))
    return rows


def command(name):
    """As the page shows it: what was typed in code, what is said of it not."""
    name, comma, rest = name.partition(", ")
    return (name if name.startswith("the ") else "`%s`" % name) + comma + rest


def memory(found):
    loaded = found.rounds("pipelined", "qwamosd", "resident_mb")
    nonces = found.median("pipelined", "qwamosd", "nonces") or 0
    bound = MAX_LOADED_MB + nonces * NONCE_BYTES / 1024 / 1024
    return [
        Target("qwamosd resident, idle", "at most", 20, found.rounds("memory", "idle", "resident_mb"), "MB"),
        Target("qwamosd resident, after the pipelined load (%d MB, and %d bytes for each of %d nonces)" % (MAX_LOADED_MB, NONCE_BYTES, nonces), "at most", bound, loaded, "MB"),
        Target("qwamosd resident, 10,000 idle connections", "at most", 120, found.rounds("memory", "idle connections", "resident_mb"), "MB"),
    ]


def hostile(found):
    p99 = [noisy / quiet for noisy, quiet in zip(found.rounds("noise", "beside noise", "p99_us"), found.rounds("noise", "quiet", "p50_us"))]
    shares = [100 * found.median("million", name, "memory_share") for name in ("none held", "a million held") if found.rounds("million", name, "memory_share")]
    refused = found.median("noise", "noise", "refused")
    return [
        Target("noise: an honest client's p99 to its quiet p50", "at most", 20, p99,
               beside="" if not p99 else "%.0f to %.0f us, beside %d refusals a run" % (
                   found.median("noise", "beside noise", "p99_us"), found.median("noise", "quiet", "p50_us"), refused)),
        Target("noise: written to the ledger", "at most", 0, found.rounds("noise", "noise", "written_bytes"), "bytes"),
        Target("1,000,000 nonces held: the replay memory's share of a profile of the pipelined load, more than with none held", "at most", 1,
               [shares[1] - shares[0]] if len(shares) == 2 else [], "%",
               beside="" if len(shares) < 2 else "%.2f to %.2f %%; server CPU a request %.1f to %.1f us" % (
                   *reversed(shares), found.median("million", "a million held", "server_cpu_us"), found.median("million", "none held", "server_cpu_us"))),
    ]


def ledger(found):
    entry = [entry / envelope for entry, envelope in zip(
        found.rounds("pipelined", "qwamosd", "entry_bytes"), found.rounds("pipelined", "qwamosd", "request_bytes"))]
    rows = [Target("ledger, bytes an entry to the envelope's", "at most", 1.5, entry,
                   beside=beside_bytes(found))]
    long = kept.read("ledger")
    ready = long["start_ms"] if long else {}
    when = "`bench/ledger`, %s, %s" % (long["date"], long["commit"]) if long else "`bench/ledger` was not run"
    return rows + [
        Target("start to ready, 1,000,000 entries to an empty ledger", "at most", 2, [ready["long"] / ready["empty"]] if ready else [], beside=when),
        Target("start to ready, 1,000,000 entries", "at most", MAX_READY_MS, [ready["long"]] if ready else [], "ms", beside=when),
    ]


def beside_bytes(found):
    entry, envelope = found.median("pipelined", "qwamosd", "entry_bytes"), found.median("pipelined", "qwamosd", "request_bytes")
    return "" if entry is None else "%.0f to %.0f" % (entry, envelope)
