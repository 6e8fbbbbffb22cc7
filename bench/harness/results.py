"""What was measured: a list of rounds for each part and series, medians of them, and the file that keeps them."""

import datetime
import json
import os
import statistics
import subprocess

from harness.programs import TOP

FORMAT = 1
LINE_DEPTH = 3
DIGITS = 4
FOLDER = os.path.join(TOP, "bench", "results")


class Results:
    """parts -> series -> one set of figures a round."""

    def __init__(self):
        self.parts = {}

    def adder(self, part):
        def add(series, figures):
            self.parts.setdefault(part, {}).setdefault(series, []).append(figures)
        return add

    def rounds(self, part, series, figure):
        """The figure of each round; empty when it was not measured."""
        taken = self.parts.get(part, {}).get(series, [])
        return [figures[figure] for figures in taken if figure in figures]

    def median(self, part, series, figure):
        taken = self.rounds(part, series, figure)
        return statistics.median(taken) if taken else None

    def latency_curve(self, part, series):
        """Percentiles and the median over the rounds of each one's microseconds."""
        curves = self.rounds(part, series, "curve_us")
        return [(points[0][0], statistics.median(point[1] for point in points)) for points in zip(*curves)]

    def as_json(self):
        """Each figure's median, least and greatest, and all rounds of it."""
        return {part: {name: summary(taken) for name, taken in series.items()} for part, series in self.parts.items()}


def summary(taken):
    found = {}
    for figure, first in taken[0].items():
        values = [each[figure] for each in taken]
        if isinstance(first, (int, float)):
            values = [round(value, DIGITS) for value in values]
            found[figure] = {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}
    if "curve_us" in taken[0]:
        found["curve_us"] = [[points[0][0], statistics.median(point[1] for point in points)] for points in zip(*(each["curve_us"] for each in taken))]
    return found


def commit():
    """Which sources were measured, and whether they were changed since."""
    def git(*arguments):
        return subprocess.run(["git", "-C", TOP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode().strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "schemas")
        return git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def write(name, found):
    """Keeps it as bench/results/NAME.json."""
    os.makedirs(FOLDER, exist_ok=True)
    head = {"format": FORMAT, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), "commit": commit()}
    with open(os.path.join(FOLDER, name + ".json"), "w", encoding="ascii") as file:
        file.write(lines({**head, **found}) + "\n")


def lines(value, depth=0):
    """JSON with a line for each series and each target, so that two runs can be compared."""
    if depth == LINE_DEPTH or not isinstance(value, (dict, list)):
        return json.dumps(value)
    blank = "\n" + " " * (depth + 1)
    if isinstance(value, list):
        return "[" + ",".join(blank + lines(each, LINE_DEPTH) for each in value) + blank[:-1] + "]"
    return "{" + ",".join(blank + json.dumps(key) + ": " + lines(each, depth + 1) for key, each in value.items()) + blank[:-1] + "}"


def read(name):
    """What was kept, or nothing."""
    try:
        with open(os.path.join(FOLDER, name + ".json"), encoding="ascii") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    return found if found["format"] == FORMAT else None
