"""The tables of docs/performance.md."""

import datetime
import os
import re
import statistics

from harness.machine import sentence
from harness.programs import TOP
from harness.results import commit, read
from harness.targets import command, number

PAGE = os.path.join(TOP, "docs", "performance.md")
RATE_PARTS = (
    ("pipelined", "Pipelined, 8 connections with at most 32 unanswered each (closed loop)"),
    ("clients64", "64 clients, one request at a time each on a kept connection (closed loop)"),
    ("client1", "1 client, one request at a time on a kept connection (closed loop)"),
    ("connection", "One request a connection, 8 clients (closed loop)"),
    ("open", "4,000 requests a second over 64 connections (open loop: latency from the time when each was due)"),
)
PLOTS = (
    "![Requests a second](performance/rates.svg)", "", "![Latency by percentile](performance/latencies.svg)", "",
    "![Whole processes](performance/processes.svg)", "",
)
LACKS = {
    "qwamosd": "(verifies, checks for replay, validates, and syncs to the disk, each request before its answer)",
    "etcd": "verifies no signature; a value a key, no schema",
    "Redis": "verifies no signature; no schema, one thread",
    "D-Bus": "verifies no signature, stores nothing",
    "bare echo": "reads nothing, verifies nothing, stores nothing: the same transport alone",
    "old design": "syncs nothing; forgets nonces at exit and after 10,000",
    "old design, lean": "parses and verifies only: no replay, no time, no schema, no file",
}


def measured(found, where, versions, rounds, rows, plotted):
    return "\n".join([
        "Measured on %s, commit %s, on %s. Yardsticks: %s. %s" % (
            datetime.date.today().isoformat(), commit(), sentence(where), ", ".join("%s %s" % pair for pair in versions.items()), "1 round." if rounds == 1 else "%d rounds, interleaved: a value is the median round, in parentheses the least and the greatest." % rounds),
        "", "| target | bound | measured | |", "|---|---|---|---|", *(row.row() for row in rows), "", *(PLOTS if plotted else ()),
        *(line for part, title in RATE_PARTS if part in found.parts for line in rate_table(found, part, title)),
        *alone_table(found), *process_table(found), *(micro_table() if plotted else ())])


def rate_table(found, part, title):
    lines = ["**%s**" % title, "",
             "| | a second | p50 us | p99 us | server CPU us a request | the load's | syncs a request | nonces held | what it does not do |", "|---|---|---|---|---|---|---|---|---|"]
    for name in found.parts.get(part, {}):
        def at(figure, series=name, of=part):
            value = found.median(of, series, figure)
            return "-" if value is None else number(value)

        syncs = found.median("syncs", "%s, %s" % (name, part), "syncs")
        lines.append("| %s | %s | %s | %s | %s | %s | %s | %s | %s |" % (
            name, spread(found.rounds(part, name, "per_second")), at("p50_us"), at("p99_us"), at("server_cpu_us"), at("client_cpu_us"),
            "-" if syncs is None else "%.3f" % syncs, "%d" % found.median(part, name, "nonces") if name == "qwamosd" else "-", LACKS[name]))
    return [*lines, ""]


def alone_table(found):
    if not {"plain", "fdatasync"} & found.parts.keys():
        return []
    lines = ["**What the machine does by itself**", "", "| | a second | CPU us each | p50 us | p99 us |", "|---|---|---|---|---|"]
    for part in ("plain", "fdatasync"):
        for name in found.parts.get(part, {}):
            cells = [found.median(part, name, figure) for figure in ("cpu_us", "p50_us", "p99_us")]
            lines.append("| %s | %s | %s |" % (name, spread(found.rounds(part, name, "per_second")), " | ".join("-" if cell is None else number(cell) for cell in cells)))
    return [*lines, ""]


def process_table(found):
    if not {"processes", "boots"} & found.parts.keys():
        return []
    lines = ["**Whole processes**", "", "| | wall ms | CPU ms |", "|---|---|---|"]
    for part in ("processes", "boots"):
        for name in found.parts.get(part, {}):
            lines.append("| %s | %s | %s |" % (command(name), spread(found.rounds(part, name, "ms")), number(found.median(part, name, "cpu_ms"))))
    return [*lines, ""]


def micro_table():
    """The steps of one change, as bench/micro/run measured them last."""
    kept = read("micro")
    if kept is None:
        return []
    lines = ["**The steps of one change by themselves** (`bench/micro/run`, %s, %s, %s)" % (kept["date"], kept["commit"], kept["runtime"]), "",
             "| | us | least | allocated bytes |", "|---|---|---|---|"]
    for name, step in kept["steps"].items():
        lines.append("| %s | %s | %s | %d |" % (name, number(step["median_ns"] / 1000), number(step["min_ns"] / 1000), step["allocated_bytes"]))
    return [*lines, ""]


def spread(values):
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else "%s (%s to %s)" % (middle, number(min(values)), number(max(values)))


def update(name, text):
    """Puts `text` into the page, between the comment of that name and the next one that ends a table."""
    table = re.compile(r"(<!-- %s -->\n).*?(<!-- end -->)" % name, re.DOTALL)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(table.sub(lambda match: match.group(1) + text + match.group(2), page))
