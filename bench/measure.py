"""Measures the published programs beside their yardsticks, in one run; called by bench/run, which builds everything first."""

import argparse
import sys
import time

from harness import loads, processes, rates, syncs
from harness.machine import machine, versions
from harness.page import measured, update
from harness.programs import say
from harness.results import Results, write
from harness.targets import targets

ROUNDS = 5
EACH_ROUND = {
    "plain": rates.plain,
    "fdatasync": rates.syncs,
    "pipelined": rates.pipelined,
    "trust": rates.trust,
    "clients64": rates.clients64,
    "client1": rates.client1,
    "connection": rates.connection,
    "open": rates.open_loop,
    "processes": processes.whole,
    "boots": processes.boots,
    "memory": loads.memory,
    "noise": loads.noise,
}
ONCE = {
    "syncs": syncs.sync_calls,
    "million": loads.million,
}


def arguments():
    names = ",".join([*EACH_ROUND, *ONCE])
    parser = argparse.ArgumentParser(
        prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures everything beside its yardsticks, and writes bench/results/latest.json and docs/performance.md.\n"
        "Builds first, and installs what it needs: etcd and Redis among it. Takes about ten minutes, and 2 GB\n"
        "below /var/tmp; only root can measure all of it. Exits 1 when a target is missed or could not be measured.",
        epilog="parts: " + " ".join(EACH_ROUND) + "\nonce a run: " + " ".join(ONCE))
    parser.add_argument("--dry-run", action="store_true", help="measure and print only")
    parser.add_argument("--only", metavar="NAME,...", help="measure only these parts, and print only")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="rounds over all parts (%d)" % ROUNDS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = set((given.only or "plain").split(",")) - {*EACH_ROUND, *ONCE}
    if unknown:
        parser.error("no part %s; there are %s" % (" ".join(sorted(unknown)) or "of no name", names))
    if given.rounds < 1:
        parser.error("--rounds is at least 1")
    return given


def measure(wanted, rounds):
    found = Results()
    for number in range(rounds):
        for name, part in EACH_ROUND.items():
            if name in wanted:
                timed("round %d of %d: %s" % (number + 1, rounds, name), part, found.adder(name))
    for name, part in ONCE.items():
        if name in wanted:
            timed(name, part, found.adder(name))
    return found


def timed(what, part, add):
    begin = time.monotonic()
    part(add)
    say("%s, %.1f s" % (what, time.monotonic() - begin))


def main():
    given = arguments()
    if given.check:
        # Before anything is built: what was typed makes sense.
        return 0
    wanted = set(given.only.split(",")) if given.only else {*EACH_ROUND, *ONCE}
    found = measure(wanted, given.rounds)
    where, yardsticks = machine(), versions()
    rows = [row for row in targets(found) if row.values or not given.only]
    text = measured(found, where, yardsticks, given.rounds, rows, plotted=not given.only)
    print(text)
    if not given.dry_run and not given.only:
        # Only here: matplotlib takes a second to load.
        from harness.plots import draw
        draw(found)
        update("measured", text)
        write("latest", {
            "machine": where, "versions": yardsticks, "rounds": given.rounds, "targets": [row.as_json() for row in rows], "figures": found.as_json()})
    unmet = [row for row in rows if row.verdict != "met"]
    if not rows:
        say("no target is judged by these parts alone")
        return 0
    say("all targets met" if not unmet else "\n".join("%s: %s" % (row.verdict.upper(), row.what) for row in unmet))
    return 1 if unmet else 0


if __name__ == "__main__":
    sys.exit(main())
