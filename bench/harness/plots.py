"""The plots of docs/performance.md: SVG, the same bytes for the same figures."""

import os

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "qwamos", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})

# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402

from harness.programs import TOP  # noqa: E402

FOLDER = os.path.join(TOP, "docs", "performance")
OURS, THEIRS = "#1f5f8b", "#b9b9b9"
COLOURS = {"qwamosd": OURS, "etcd": "#c8553d", "Redis": "#588157", "D-Bus": "#8e7dbe"}


def draw(found):
    os.makedirs(FOLDER, exist_ok=True)
    rates(found)
    latencies(found)
    processes(found)


def save(figure, name):
    figure.tight_layout()
    path = os.path.join(FOLDER, name + ".svg")
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # matplotlib leaves blanks at the ends of lines.
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip() for line in file]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def bars(axes, title, taken, unit):
    """Medians, with the least and the greatest round."""
    for place, (name, values) in enumerate(reversed(taken)):
        values = sorted(values)
        middle = values[len(values) // 2]
        axes.barh(place, middle, color=OURS if name.startswith("qwamos") else THEIRS, xerr=[[middle - values[0]], [values[-1] - middle]], ecolor="#555555", capsize=2)
        axes.annotate(("%.0f" if middle >= 100 else "%.1f") % middle, (values[-1], place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(taken)), [name for name, _ in reversed(taken)])
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_xlabel(unit)
    axes.margins(x=0.18)


def rates(found):
    panels = (
        ("pipelined 8 x 32", "pipelined", ("qwamosd",), (("plain", "libsodium verifies, one core"), ("plain", "libsodium verifies, two cores"))),
        ("64 clients, one at a time each", "clients64", ("qwamosd", "etcd", "Redis"), ()),
        ("1 client, one at a time", "client1", ("qwamosd", "etcd", "Redis", "D-Bus"), ()),
        ("one request a connection, 8 clients", "connection", ("qwamosd", "old design", "old design, lean"), ()),
    )
    figure, axes = pyplot.subplots(2, 2, figsize=(9, 4.6))
    for each, (title, part, names, more) in zip(axes.flat, panels):
        pairs = [(name, found.rounds(part, name, "per_second")) for name in names] + [(name, found.rounds(other, name, "per_second")) for other, name in more]
        bars(each, title, [pair for pair in pairs if pair[1]], "requests a second")
    save(figure, "rates")


def latencies(found):
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for each, (title, part) in zip(axes, (("64 clients, closed loop", "clients64"), ("64 connections, open loop, from the time due", "open"))):
        for name, colour in COLOURS.items():
            curve = [point for point in found.latency_curve(part, name) if 0 < point[0] < 100]
            if curve:
                each.plot([1 / (1 - point[0] / 100) for point in curve], [point[1] / 1000 for point in curve], color=colour, marker=".", label=name)
        each.set_xscale("log")
        each.set_yscale("log")
        each.set_xticks([2, 10, 100, 1000], ["50 %", "90 %", "99 %", "99.9 %"])
        each.minorticks_off()
        each.set_xlabel("percentile")
        each.set_title(title, loc="left", fontsize=9)
        each.grid(color="#e5e5e5")
        each.legend(frameon=False)
    axes[0].set_ylabel("ms")
    save(figure, "latencies")


def processes(found):
    names = ("openssl version", "qwamosctl --help", "qwamosctl set", "qwamosctl status", "busctl call", "etcdctl put", "the old client")
    figure, axes = pyplot.subplots(figsize=(9, 2.6))
    bars(axes, "whole processes, wall time", [(name, found.rounds("processes", name, "ms")) for name in names if found.rounds("processes", name, "ms")], "ms")
    save(figure, "processes")
